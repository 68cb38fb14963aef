"""The simplest rival: count good and bad words, turn a word after a negation round."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from model.evaluation.measure import Answer
from model.text import clean
from model.training.recipe import accepted, policy
from model.training.rows import NON_NEGATIVE, Row

GOOD = frozenset(
    """beat beats beating exceed exceeds exceeded gain gains gained grew grow grows growth improve improved improves
    improvement increase increased increases jump jumps jumped rally rallies rallied rebound record rise rises rose
    rising soar soars soared strong stronger surge surges surged top tops topped up upgrade upgraded upgrades win wins
    won profit profitable bullish buy outperform raise raises raised boost boosts boosted moon calls long positive
    recover recovers recovered recovery expand expands expanded higher success successful""".split()
)
BAD = frozenset(
    """bankrupt bankruptcy bearish cut cuts crash crashed decline declined declines decrease decreased default
    downgrade downgraded downgrades down drop drops dropped fall falling falls fell fear fears fraud hit hurt lawsuit
    layoffs lose loses losing loss losses lost lower miss missed misses negative plunge plunged plunges probe puts
    recession risk risks sell selloff short slash slashed slide slides slid slow slump slumped slumps sue sued sues
    tumble tumbled tumbles underperform warn warned warning warns weak weaker weakness worse worst""".split()
)
GOOD_ZH = frozenset(
    """上涨 大涨 涨停 增长 增加 提升 盈利 利好 突破 创新高 回升 反弹 看好 牛市 超预期 扭亏 受益 获批
    中标 增持 回购 分红 领涨 走强 加仓 抄底 涨 牛 赚""".split()
)
BAD_ZH = frozenset(
    """下跌 大跌 跌停 下降 减少 亏损 利空 暴跌 违规 处罚 立案 调查 诉讼 减持 退市 违约 风险 低迷
    走低 走弱 熊市 破产 下滑 套牢 割肉 被查 警示 冻结 爆雷 垃圾 跌 熊 亏 坑""".split()
)
NOT = frozenset({"not", "no", "never", "without", "n't", "cannot", "isn't", "doesn't", "didn't", "won't", "don't"})
NOT_ZH = ("不", "未", "没", "无", "非", "别")
LONGEST = 8

_WORD = re.compile(r"[a-z]+(?:'t)?")


class Lexicon:
    """Words of two languages, and the answers they give."""

    def __init__(self, good_zh: Iterable[str] = GOOD_ZH, bad_zh: Iterable[str] = BAD_ZH) -> None:
        self._zh = dict.fromkeys(good_zh, 1) | dict.fromkeys(bad_zh, -1)

    def score(self, text: str, lang: str) -> int:
        """Return good words less bad words."""
        text = clean(text).lower()
        return self._chinese(text) if lang == "zh" else _english(text)

    def _chinese(self, text: str) -> int:
        total = place = 0
        while place < len(text):
            size = next((n for n in range(LONGEST, 0, -1) if text[place : place + n] in self._zh), 0)
            if size:
                tone = self._zh[text[place : place + size]]
                total += -tone if text[max(0, place - 1) : place] in NOT_ZH else tone
            place += max(1, size)
        return total


def read_lexicon(folder: Path | None) -> Lexicon:
    """Return the words written here and, where the folder has dictionaries (`word score` lines, *.txt), theirs too."""
    good, bad = set(GOOD_ZH), set(BAD_ZH)
    for path in sorted(folder.rglob("*sentiment_score.txt")) if folder is not None and folder.is_dir() else ():
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            word, _, score = line.strip().rpartition(" ")
            if word.strip() and score.strip("-").isdigit():
                (bad if score.startswith("-") else good).add(word.strip())
    return Lexicon(good - bad - BAD_ZH | GOOD_ZH, bad - good - GOOD_ZH | BAD_ZH)


def lexicon_answers(lexicon: Lexicon, rows: Sequence[Row]) -> list[Answer]:
    """Return the answers for the rows of sentiment; undecided is neutral, or the source's first class without it."""
    return [_answer(row, lexicon.score(row.text, row.lang)) for row in rows if row.task == "sentiment"]


def _answer(row: Row, score: int) -> Answer:
    label = "neutral" if score == 0 else "positive" if score > 0 else "negative"
    if row.labels == (NON_NEGATIVE,) or row.source == "finnsp":
        return Answer(row, row.labels[0], label if label == "negative" else NON_NEGATIVE)
    classes = policy(row).classes
    return Answer(row, accepted(row)[0], label if label in classes else classes[0])


def _english(text: str) -> int:
    words = _WORD.findall(text)
    total = 0
    for index, word in enumerate(words):
        tone = (word in GOOD) - (word in BAD)
        total += -tone if NOT.intersection(words[max(0, index - 3) : index]) else tone
    return total
