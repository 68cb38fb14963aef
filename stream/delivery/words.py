"""Series, spans and figures in words, English and Chinese. Pure."""

from __future__ import annotations

import unicodedata
from typing import Final, Literal

from stream.core.series import parse

Language = Literal["en", "zh"]
# Joiners that scripts and emoji need; every other invisible character goes, direction marks first of all.
_KEPT: Final = {"\u200c", "\u200d"}
_KIND: Final = {
    "news": ("news", "新闻"),
    "comment": ("comments", "评论"),
}
_DIMENSION: Final = {
    "market": ("market", "市场"),
    "topic": ("topic", "主题"),
    "ticker": ("ticker", "代码"),
    "lang": ("language", "语言"),
    "source": ("source", "来源"),
}
_TOPIC: Final = {
    "earnings": ("earnings", "财报业绩"),
    "equity_capital": ("equity & capital", "股权资本"),
    "mna_funding": ("M&A, funding", "并购融资"),
    "company_ops": ("operations", "公司经营"),
    "management": ("management", "管理层"),
    "legal_risk": ("legal & risk", "法律风险"),
    "analyst_rating": ("analyst ratings", "分析师评级"),
    "market_move": ("market moves", "市场行情"),
    "opinion": ("opinion", "观点评论"),
    "macro": ("macro", "宏观经济"),
    "rates_central_bank": ("rates, central banks", "利率央行"),
    "commodities_energy": ("commodities", "商品能源"),
    "fx_crypto": ("FX & crypto", "外汇加密"),
    "politics_policy": ("politics & policy", "政治政策"),
    "other": ("other", "其他"),
}
_LANG: Final = {"en": ("English", "英文"), "zh": ("Chinese", "中文")}
_VALUES: Final = {"topic": _TOPIC, "lang": _LANG}


def one_line(text: str, most: int) -> str:
    """Return one line of visible text, at most `most` characters; "" where nothing is visible."""
    visible = "".join(
        " " if c.isspace() else c for c in text if c.isspace() or c in _KEPT or unicodedata.category(c)[0] != "C"
    )
    line = " ".join(visible.split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def series_words(series: str, language: Language) -> str:
    """Return a series in words; what is no series id as it stands.

    >>> series_words("news/ticker/ACME", "en"), series_words("comment/topic/macro", "zh")
    ('news · ticker ACME', '评论 · 主题 宏观经济')
    """
    try:
        kind, dimension, value = parse(series)
    except ValueError:
        return one_line(series, 120)
    which = 0 if language == "en" else 1
    first = _KIND.get(kind, (kind, kind))[which]
    if dimension == "market":
        return one_line(f"{first} · {'whole market' if language == 'en' else '全市场'}", 120)
    named = _VALUES.get(dimension, {}).get(value, (value, value))[which]
    return one_line(f"{first} · {_DIMENSION[dimension][which]} {named}", 120)


def span_words(span_s: int, language: Language) -> str:
    """Return a span in its largest unit of which it has at least two.

    >>> span_words(900, "en"), span_words(7_200, "zh")
    ('15 min', '2 小时')
    """
    for unit_s, words in ((86_400, ("days", "天")), (3_600, ("h", "小时")), (60, ("min", "分钟"))):
        if span_s >= 2 * unit_s:
            return f"{round(span_s / unit_s, 1):g} {words[0 if language == 'en' else 1]}"
    return f"{span_s} {'s' if language == 'en' else '秒'}"


def percent(share: float) -> str:
    """Return a share in [0, 1] as a whole percentage."""
    return f"{100 * share:.0f}%"
