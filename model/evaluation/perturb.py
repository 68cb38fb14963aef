"""Changes of a text that must not change its reading, each made at random from a seed.

A change that finds nothing to work on returns the text as it is: such rows do not count.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from itertools import pairwise
from typing import Final

from model.evaluation.traditional import traditional

Change = Callable[[str, random.Random], str]

COMPANIES: Final = (
    "Apple", "Microsoft", "Amazon", "Google", "Alphabet", "Tesla", "Nokia", "Boeing", "Pfizer", "Intel", "Netflix",
    "Facebook", "Reliance", "Infosys", "Goldman Sachs", "Citigroup", "JPMorgan", "Walmart", "Toyota", "Samsung",
    "Siemens", "Barclays", "HSBC", "Nike", "Disney", "Exxon", "Chevron", "Ford", "AstraZeneca", "Volkswagen",
)  # fmt: skip
COMPANIES_ZH: Final = tuple(
    """贵州茅台 五粮液 中国平安 招商银行 工商银行 建设银行 比亚迪 宁德时代 格力电器 美的集团 万科
    中信证券 中兴通讯 京东方 三一重工 中国石油 中国石化 恒瑞医药 海康威视 乐视网 隆基股份 伊利股份
    上海机场 东方财富 阿里巴巴 腾讯 百度 京东 小米 华为""".split()
)
TICKERS: Final = ("AAPL", "MSFT", "AMZN", "TSLA", "NFLX", "INTC", "BA", "JPM", "WMT", "DIS", "PFE", "XOM", "NKE", "KO")
TRIES: Final = 50
PLAIN_EMOJI: Final = ("📰", "👀", "🕐", "📌", "🔎", "🗓️")

_WORD = re.compile(r"[A-Za-z]{5,}")
_HAN_PAIR = re.compile(r"[一-鿿]{2}")
_NUMBER = re.compile(r"(?<![A-Za-z0-9_.])\d+(?:[.,]\d+)*")
_YEAR = re.compile(r"(?:19|20)\d\d")
_TICKER = re.compile(r"\$[A-Z]{1,5}\b")
_STOCK_CODE = re.compile(r"(?<!\d)(?:00|30|60)\d{4}(?!\d)")
_COMPANY = re.compile(r"\b(?:" + "|".join(map(re.escape, COMPANIES)) + r")\b")
_COMPANY_ZH = re.compile("|".join(map(re.escape, COMPANIES_ZH)))


def typo(text: str, draw: random.Random) -> str:
    """Swap two neighbouring letters within one longer word, its first and last kept; or two Chinese characters."""
    words = list(_WORD.finditer(text))
    if words:
        word = draw.choice(words)
        at = draw.randrange(word.start() + 1, word.end() - 2)
    else:
        pairs = list(_HAN_PAIR.finditer(text))
        if not pairs:
            return text
        at = draw.choice(pairs).start()
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


def upper(text: str, draw: random.Random) -> str:
    """Return the text in capitals."""
    return text.upper()


def lower(text: str, draw: random.Random) -> str:
    """Return the text in small letters."""
    return text.lower()


def full_width(text: str, draw: random.Random) -> str:
    """Return letters, digits and signs in their full-width forms."""
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" and c not in "@&" else c for c in text)


def to_traditional(text: str, draw: random.Random) -> str:
    """Return Chinese in traditional characters."""
    return traditional(text)


def plain_emoji(text: str, draw: random.Random) -> str:
    """Append an emoji that says nothing good or bad."""
    return f"{text} {draw.choice(PLAIN_EMOJI)}"


def other_entity(text: str, draw: random.Random) -> str:
    """Replace each known company, ticker and stock code by another one, the same name by the same."""
    given: dict[str, str] = {}

    def other(match: re.Match[str], names: tuple[str, ...]) -> str:
        return given.setdefault(match[0], draw.choice([name for name in names if name != match[0]]))

    text = _TICKER.sub(lambda m: other(m, tuple(f"${name}" for name in TICKERS)), text)
    text = _STOCK_CODE.sub(lambda m: m[0][:3] + f"{draw.randrange(1000):03}", text)
    return _COMPANY_ZH.sub(lambda m: other(m, COMPANIES_ZH), _COMPANY.sub(lambda m: other(m, COMPANIES), text))


def other_numbers(text: str, draw: random.Random) -> str:
    """Replace the numbers of a text, years and stock codes apart, by others of the same shape and the same order.

    What was greater stays greater, so that a rise stays a rise.
    """
    found = {m[0] for m in _NUMBER.finditer(text) if not _kept(m[0])}
    ordered = sorted(found, key=_value)
    tries = ([_like(number, draw) for number in ordered] for _ in range(TRIES))
    fresh = next((numbers for numbers in tries if all(a < b for a, b in pairwise(map(_value, numbers)))), ordered)
    given = dict(zip(ordered, fresh, strict=True))
    return _NUMBER.sub(lambda m: given.get(m[0], m[0]), text)


def _kept(number: str) -> bool:
    return bool(_YEAR.fullmatch(number) or _STOCK_CODE.fullmatch(number)) or set(number) <= set("0.,")


def _value(number: str) -> float:
    digits = number.replace(",", "")
    whole, _, rest = digits.partition(".")
    return float(f"{whole}.{rest.replace('.', '')}" if rest else whole)


def _like(number: str, draw: random.Random) -> str:
    """Return a number of the shape of the given one, from half of it to twice, as far as the shape allows."""
    scale = draw.uniform(0.5, 2.0)
    digits = re.sub(r"\D", "", number)
    moved = str(max(1, round(int(digits) * scale))).zfill(len(digits))
    moved = moved if len(moved) == len(digits) else "9" * len(digits)
    places = iter(moved)
    return "".join(next(places) if c.isdigit() else c for c in number)


KEEPING: Final[dict[str, tuple[tuple[str, ...], Change]]] = {
    "typo": (("en", "zh"), typo),
    "upper case": (("en",), upper),
    "lower case": (("en",), lower),
    "full-width": (("en", "zh"), full_width),
    "traditional characters": (("zh",), to_traditional),
    "plain emoji added": (("en", "zh"), plain_emoji),
    "other company or ticker": (("en", "zh"), other_entity),
    "other numbers, same order": (("en", "zh"), other_numbers),
}
