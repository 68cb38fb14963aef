"""Weak labels: sentences of the raw corpus whose wording settles the sentiment, found by rules written here.

Dry company news ("net sales rose to 13.1 mln") is rare among the labelled sources and common in the corpus.
A sentence is taken only where all its cues agree; one without any polar word is neutral.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from model.text import clean
from model.training.corpus import read_lines
from model.training.rows import Row

SOURCE = {"en": "weak_en", "zh": "weak_zh"}
FILES = {
    "en": ("en_reuters21578", "en_ectsum_earnings_calls", "en_headlines_2017_2020", "en_rss"),
    "zh": ("zh_fincuge_news", "zh_cfbenchmark_news_research", "zh_rss"),
}
WORDS_EN = (6, 40)
CHARACTERS_ZH = (12, 90)
LINES_A_FILE = 6000

_KIND = r"(?:net|operating|pre-?tax|gross|organic|core|adjusted|comparable|consolidated|diluted|quarterly|annual|total)"
_GOOD = (
    rf"(?:{_KIND}[ -])*\b(?:sales|revenues?|turnover|profits?|earnings|income|ebitda?|eps|orders|order (?:intake|book|"
    r"backlog)|backlog|margins?|cash flow|dividends?|market share|deliveries|shipments|bookings|output)\b"
)
_BAD = rf"(?:{_KIND}[ -])*\b(?:loss|losses|costs|expenses|delinquencies|write-?downs?|impairments?)\b"
_UP = (
    r"\b(?:rose|risen|rising|increased|grew|grown|climbed|jumped|surged|soared|improved|advanced|doubled|tripled|"
    r"rebounded|(?:was|were|is|are) (?:up|higher)|up (?:by )?(?:about |some )?[\d$])\b"
)
_DOWN = (
    r"\b(?:fell|fallen|falling|decreased|declined|dropped|slumped|plunged|tumbled|shrank|contracted|weakened|slipped|"
    r"sank|narrowed|(?:was|were|is|are) (?:down|lower)|down (?:by )?(?:about |some )?[\d$])\b"
)
_PROMISE = r"(?:its|our|the) (?:\w+ ){0,3}(?:guidance|forecast|outlook|dividend)"
_GAP = r"(?:\W+[\w.%$'-]+){0,5}?\W+"
_POSITIVE_EN = re.compile(
    rf"{_GOOD}{_GAP}{_UP}|{_BAD}{_GAP}{_DOWN}"
    r"|\b(?:won|secured|awarded|received|landed)\b(?:\W+\w+){0,4}\W+(?:orders?|contracts?|deals?)\b"
    rf"|\b(?:rais|lift|increas|upgrad)(?:ed|es|ing) {_PROMISE}\b"
    r"|\b(?:beat|exceeded|topped|surpassed) (?:\w+ ){0,3}(?:expectations|estimates|forecasts)\b"
    r"|\brecord (?:\w+ ){0,2}(?:sales|revenues?|profits?|earnings|quarter|year|results|orders)\b"
    r"|\bswung to (?:a )?profit",
    re.IGNORECASE,
)
_NEGATIVE_EN = re.compile(
    rf"{_GOOD}{_GAP}{_DOWN}|{_BAD}{_GAP}{_UP}|\b(?:loss|losses) widened"
    r"|\b(?:lay off|laid off|layoffs|job cuts|redundanc\w+|shed \d[\d,]* jobs|cut \d[\d,]* jobs|profit warning)\b"
    rf"|\b(?:cut|lower|slash|reduc)(?:ed|s|es|ing)? {_PROMISE}\b"
    r"|\bmissed (?:\w+ ){0,3}(?:expectations|estimates|forecasts)\b|\bfiled for bankruptcy|\bswung to (?:a )?loss"
    r"|\b(?:reported|posted) (?:\w+ ){0,2}loss(?:es)?\b",
    re.IGNORECASE,
)
_POLAR_EN = re.compile(
    r"\b(?:\w*(?:rise|rose|rising|fall|fell|gain|drop|los[st]|loss|profit|grow|grew|increas|decreas|declin|improv|"
    r"strong|weak|record|risk|fear|concern|crisis|benefit|boost|award|success|fail|problem|pressure|warn|threat|hope|"
    r"better|best|worse|worst|good|great|bad|poor|happy|pleased|excit|confiden|optimis|pessimis|doubt|disput|attack|"
    r"accus|charge|court|lawsuit|suit|strike|protest|impact|challeng|opportunit|momentum|solid|robust|favorabl|adverse|"
    r"headwind|tailwind|default|debt|higher|lower|down|reduc|expan|restor|recover|surg|jump|slump|plung|beat|miss|won|"
    r"win|lead|leading|first|great)\w*|up|not|no|cut|cuts|but|however|despite|we|our|i|you|my|us)\b",
    re.IGNORECASE,
)
_FACT_EN = re.compile(
    r"\b(?:company|inc|corp|group|plc|ltd|oyj|ab|ag|unit|subsidiary|bank|shareholders|board|shares|stake|agreement|"
    r"terms|transaction|headquartered|based in|employs|offices?|plant|said it (?:will|has|plans))\b",
    re.IGNORECASE,
)

_SUPPOSED = re.compile(r"\b(?:if|would|could|might|unless|not|whether|question)\b|n't\b|\?|如果|若|是否", re.IGNORECASE)

_GOOD_ZH = "(?:净利润?|营收|营业收入|收入|业绩|利润|销量|销售额|签约金额|产量|订单|毛利率|现金流|出货量|市占率)"
_BAD_ZH = "(?:亏损|成本|费用|不良率|负债率|减值)"
_UP_ZH = "(?:增长|上升|提升|大增|预增|增加|同增|翻倍|创新高|扭亏|改善)"
_DOWN_ZH = "(?:下降|下滑|减少|大降|预减|降低|同减|腰斩|缩水|收窄)"
_POSITIVE_ZH = re.compile(
    f"{_GOOD_ZH}[^,，。;；]{{0,14}}{_UP_ZH}|{_BAD_ZH}[^,，。;；]{{0,8}}{_DOWN_ZH}"
    "|中标|获批|涨停|股价[^,，。]{0,8}(?:上涨|大涨)|涨超|收涨|扭亏为盈|拟回购|获[^,，。]{0,8}增持|资金净流入"
)
_NEGATIVE_ZH = re.compile(
    f"{_GOOD_ZH}[^,，。;；]{{0,14}}{_DOWN_ZH}|{_BAD_ZH}[^,，。;；]{{0,8}}(?:增长|增加|扩大|上升)"
    "|跌停|股价[^,，。]{0,8}(?:下跌|大跌)|跌超|收跌|立案调查|行政处罚|退市风险|违约|被执行|拟减持|资金净流出|首亏|预亏|裁员"
)
_POLAR_ZH = re.compile(
    "[涨跌增减升降盈亏优劣好坏利损险危败胜赢输高低强弱快慢新突违罚诉查疑忧惊喜困难压跨破]|获|中标|签|成功|合作|领先|支持"
)
_FACT_ZH = re.compile("公告|公司|股份|集团|董事会|股东大会|会议|披露|任命|选举|变更|发布|银行|表示|回复")


def weak_rows(corpus: Path, per_label: int, seed: int = 0) -> list[Row]:
    """Return at most `per_label` rows of each language and sentiment, drawn by `seed`; sources weak_en and weak_zh.

    A corpus file that is not there is left out.
    """
    found: list[Row] = []
    for language, names in FILES.items():
        cells: dict[str, dict[str, None]] = {}
        for name in names:
            path = corpus / f"{name}.txt.gz"
            if path.is_file():
                for text, label in label_sentences(language, read_lines(path, LINES_A_FILE, seed)):
                    cells.setdefault(label, {})[text] = None
        for label, texts in sorted(cells.items()):
            kept = random.Random(f"{seed}/{language}/{label}").sample(list(texts), min(per_label, len(texts)))
            found.extend(Row("sentiment", language, SOURCE[language], "news", text, (label,)) for text in kept)
    return found


def label_sentences(language: str, lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield (sentence, label) for the sentences that a rule settles; the others are passed over."""
    for line in lines:
        for sentence in _sentences(language, clean(line)):
            label = _label(language, sentence)
            if label is not None:
                yield sentence, label


def _sentences(language: str, text: str) -> Sequence[str]:
    if language == "zh":
        least, most = CHARACTERS_ZH
        return [part for part in re.split(r"(?<=[。!?！？])|\s{2,}", text) if least <= len(part) <= most]
    least, most = WORDS_EN
    parts = re.split(r"(?<=[a-z\d%)][.!?])\s+(?=[A-Z\"])", text)
    return [part for part in parts if least <= len(part.split()) <= most and part[-1:] in '.!?"' and not part.isupper()]


def _label(language: str, sentence: str) -> str | None:
    if language == "zh":
        good, bad, polar, fact = _POSITIVE_ZH, _NEGATIVE_ZH, _POLAR_ZH, _FACT_ZH
    else:
        good, bad, polar, fact = _POSITIVE_EN, _NEGATIVE_EN, _POLAR_EN, _FACT_EN
    up, down = good.search(sentence) is not None, bad.search(sentence) is not None
    if up != down:
        # "would have grown", "if sales fell": what is not so is nobody's good or bad news
        return None if _SUPPOSED.search(sentence) else ("positive" if up else "negative")
    return "neutral" if not up and fact.search(sentence) and not polar.search(sentence) else None
