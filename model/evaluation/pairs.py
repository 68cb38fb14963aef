"""Pairs of texts whose readings must differ: negations, results against expectations, emoji; and words with opposites.

Each pair is (language, kind, the better one, the worse one); `{}` stands for a company.
"""

from __future__ import annotations

import re
from typing import Final

Pair = tuple[str, str, str, str]

NEGATIONS: Final[tuple[Pair, ...]] = (
    ("en", "news", "{} will pay a dividend this year", "{} will not pay a dividend this year"),
    ("en", "news", "{} wins approval for its new drug", "{} fails to win approval for its new drug"),
    ("en", "news", "{} says it expects to meet its profit target", "{} says it no longer expects to meet its target"),
    ("en", "news", "{} denies fraud allegations, court clears company", "{} admits fraud, court convicts company"),
    ("en", "news", "{} sales did not fall in the quarter", "{} sales fell in the quarter"),
    ("en", "news", "{} is not at risk of default, says rating agency", "{} is at risk of default, says rating agency"),
    ("en", "news", "{} secures the contract", "{} does not secure the contract"),
    ("en", "news", "{} returned to profit in the third quarter", "{} did not return to profit in the third quarter"),
    ("en", "news", "Analysts see no reason to sell {}", "Analysts see every reason to sell {}"),
    ("en", "comment", "{} is a buy here", "{} is not a buy here"),
    ("en", "comment", "I would buy {} at this price", "I would never buy {} at this price"),
    ("en", "comment", "{} is not going to crash", "{} is going to crash"),
    ("en", "comment", "not worried about {} at all", "worried about {}"),
    ("zh", "news", "{}今年将派发现金红利", "{}今年不派发现金红利"),
    ("zh", "news", "{}完成全年业绩目标", "{}未完成全年业绩目标"),
    ("zh", "news", "{}未被立案调查", "{}被立案调查"),
    ("zh", "news", "{}新药获得批准", "{}新药未获得批准"),
    ("zh", "news", "{}按期兑付债券", "{}未能按期兑付债券"),
    ("zh", "news", "{}称不存在债务违约风险", "{}称存在债务违约风险"),
    ("zh", "news", "{}三季度没有亏损", "{}三季度亏损"),
    ("zh", "comment", "{}值得买入", "{}不值得买入"),
    ("zh", "comment", "{}不会跌", "{}会跌"),
    ("zh", "comment", "看好{}后市", "不看好{}后市"),
    ("zh", "comment", "{}能涨起来", "{}涨不起来"),
    ("zh", "comment", "拿着{}不慌", "拿着{}很慌"),
)
NUMBERS: Final[tuple[Pair, ...]] = (
    ("en", "news", "{} Q3 EPS $1.34, estimate $1.02", "{} Q3 EPS $1.02, estimate $1.34"),
    ("en", "news", "{} operating profit EUR 31.2 mn vs EUR 12.4 mn a year ago",
     "{} operating profit EUR 12.4 mn vs EUR 31.2 mn a year ago"),
    ("en", "news", "{} shares +6.3% after results", "{} shares -6.3% after results"),
    ("en", "news", "{} revenue $9.8 billion, consensus $8.1 billion",
     "{} revenue $8.1 billion, consensus $9.8 billion"),
    ("en", "news", "{} price target moved to $240 from $180", "{} price target moved to $180 from $240"),
    ("en", "comment", "{} +12% today", "{} -12% today"),
    ("zh", "news", "{}净利润3.2亿元，去年同期1.1亿元", "{}净利润1.1亿元，去年同期3.2亿元"),
    ("zh", "news", "{}上半年净利润同比+45%", "{}上半年净利润同比-45%"),
    ("zh", "news", "{}每股收益1.34元，市场预期1.02元", "{}每股收益1.02元，市场预期1.34元"),
    ("zh", "comment", "{}今天+8%", "{}今天-8%"),
)  # fmt: skip
EMOJI: Final[tuple[Pair, ...]] = (
    ("en", "comment", "{} 🚀🚀🚀", "{} 📉📉📉"),
    ("en", "comment", "{} earnings tomorrow 🐂", "{} earnings tomorrow 🐻"),
    ("en", "comment", "holding {} 💎🙌", "holding {} 😭😭"),
    ("en", "comment", "my {} position 🤑", "my {} position 🩸"),
    ("zh", "comment", "{}🚀🚀🚀", "{}📉📉📉"),
    ("zh", "comment", "{}明天👍", "{}明天👎"),
    ("zh", "comment", "今天的{}😄", "今天的{}😭"),
    ("zh", "comment", "{}开盘📈", "{}开盘💔"),
)
FILLERS: Final = {"en": ("Apple", "Nokia", "the company", "$TSLA"), "zh": ("贵州茅台", "比亚迪", "公司", "万科")}
DIFFERING: Final = {"negation": NEGATIONS, "numbers against expectation": NUMBERS, "good or bad emoji": EMOJI}

OPPOSITES: Final = {
    "en": (
        ("rises", "falls"), ("rise", "fall"), ("rose", "fell"), ("gains", "loses"), ("jumps", "plunges"),
        ("surges", "tumbles"), ("increased", "decreased"), ("increase", "decrease"), ("higher", "lower"),
        ("up", "down"), ("beats", "misses"), ("upgraded", "downgraded"), ("upgrade", "downgrade"),
        ("upgrades", "downgrades"),
        ("raises", "cuts"), ("bullish", "bearish"), ("buy", "sell"), ("strong", "weak"), ("climbs", "slips"),
    ),
    "zh": (
        ("上涨", "下跌"), ("大涨", "大跌"), ("增长", "下降"), ("涨停", "跌停"), ("利好", "利空"), ("盈利", "亏损"),
        ("增持", "减持"), ("上升", "下滑"), ("走强", "走弱"), ("看好", "看空"), ("高开", "低开"), ("反弹", "回落"),
    ),
}  # fmt: skip
_BETTER = {lang: dict(pairs) for lang, pairs in OPPOSITES.items()}
_TURNED = {lang: words | {bad: good for good, bad in words.items()} for lang, words in _BETTER.items()}
_PATTERNS = {
    "en": re.compile(r"\b(?:" + "|".join(_TURNED["en"]) + r")\b", re.IGNORECASE),
    "zh": re.compile("|".join(_TURNED["zh"])),
}


def turned(text: str, lang: str) -> tuple[str, str] | None:
    """Return a text with its one word of direction turned round, and what the word made it ("positive", "negative").

    None where there is no such word, or more than one.
    """
    found = list(_PATTERNS[lang].finditer(text))
    if len(found) != 1:
        return None
    word = found[0][0].lower()
    label = "positive" if word in _BETTER[lang] else "negative"
    return text[: found[0].start()] + _TURNED[lang][word] + text[found[0].end() :], label
