"""What stands in the braces of a wording: figures, days, parts of companies."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from stream.sources.demo.draw import Draw
from stream.sources.demo.words import Company, companies

UNITS: Final = {
    "en": "pump division,battery unit,freight arm,cloud unit,ceramics business,ferry line,seed business,lens maker,"
    "paper mill,grocery chain,games studio,rail unit,clinic chain,drone unit,cable plant,hotel arm,insurance arm,"
    "chip line,toy business,water utility".split(","),
    "zh": "水泵业务,电池板块,货运业务,云服务业务,陶瓷业务,轮渡业务,种子业务,镜头业务,造纸业务,"
    "超市业务,游戏业务,轨交业务,诊所业务,无人机业务,电缆业务,酒店业务,保险业务,芯片业务,玩具业务,水务业务".split(","),
}
QUARTERS: Final = {
    "en": ("the first quarter", "the second quarter", "the third quarter", "the fourth quarter", "the half year"),
    "zh": ("一季度", "二季度", "三季度", "四季度", "上半年", "前三季度"),
}
DAYS: Final = {
    "en": "Monday,Tuesday,Wednesday,Thursday,Friday".split(","),
    "zh": "周一,周二,周三,周四,周五".split(","),
}
FALLS: Final = ("crash", "plunge", "collapse", "slump", "tumble")

_SLOT = re.compile(r"\{(\w+)\}")
# Chinese writes no spaces, but a figure after a ticker would read as part of it.
_TICKER_AND_MORE = re.compile(r"(\$[A-Z]{6})(?=\w)")


@dataclass(frozen=True, slots=True)
class Scene:
    """Of whom a document tells, in which language."""

    draw: Draw
    lang: str
    company: Company


def filled(wording: str, scene: Scene) -> str:
    """Return the wording with every slot drawn; KeyError for a slot that does not exist."""
    return _TICKER_AND_MORE.sub(r"\1 ", _SLOT.sub(lambda found: _SLOTS[found[1]](scene), wording))


def _money(scene: Scene, low: int, high: int) -> str:
    amount = scene.draw.whole(low, high)
    if scene.lang == "zh":
        return f"{amount / 10:g}亿元" if amount >= 10 else f"{amount}000万元"
    return f"${amount / 10:g} billion" if amount >= 10 else f"${amount}00 million"


def _money_small(scene: Scene) -> str:
    amount = scene.draw.whole(2, 90)
    return f"{amount / 10:g}万" if scene.lang == "zh" else f"${amount}k"


def _price(scene: Scene) -> str:
    price = f"{scene.draw.uniform(4, 190):.2f}"
    return f"{price}元" if scene.lang == "zh" else f"${price}"


def _barrel(scene: Scene) -> str:
    price = f"{scene.draw.uniform(52, 97):.2f}"
    return f"{price}美元" if scene.lang == "zh" else f"${price}"


def _clock(scene: Scene) -> str:
    hour, minute = scene.draw.whole(7, 19), scene.draw.whole(0, 59)
    return f"{hour}点{minute:02d}分" if scene.lang == "zh" else f"{hour}:{minute:02d}"


def _count(scene: Scene) -> str:
    count = scene.draw.whole(12, 999) * 10
    return f"{count}" if scene.lang == "zh" else f"{count:,}"


def _day(scene: Scene) -> str:
    if scene.lang == "zh":
        return f"{scene.draw.whole(1, 12)}月{scene.draw.whole(1, 28)}日"
    return scene.draw.pick(DAYS["en"])


def _other(scene: Scene) -> str:
    others = [company for company in companies() if company != scene.company]
    return scene.draw.pick(others).name(scene.lang)


def _tag(scene: Scene) -> str:
    written = scene.draw.weighted({"tag": 0.5, "name": 0.4, "small": 0.1})
    if written == "tag":
        return f"${scene.company.ticker}"
    name = scene.company.name(scene.lang)
    return name.lower() if written == "small" else name


_SLOTS: Final[Mapping[str, Callable[[Scene], str]]] = {
    "name": lambda scene: scene.company.name(scene.lang),
    "tag": _tag,
    "other": _other,
    "unit": lambda scene: scene.draw.pick(UNITS[scene.lang]),
    "quarter": lambda scene: scene.draw.pick(QUARTERS[scene.lang]),
    "day": _day,
    "clock": _clock,
    "pct": lambda scene: f"{scene.draw.uniform(1.1, 9.9):.1f}%",
    "big": lambda scene: f"{scene.draw.whole(11, 48)}%",
    "money": lambda scene: _money(scene, 1, 64),
    "money_small": _money_small,
    "price": _price,
    "barrel": _barrel,
    "cents": lambda scene: str(scene.draw.whole(11, 69)),
    "count": _count,
    "count_small": lambda scene: str(scene.draw.whole(2, 90) * 100),
    "few": lambda scene: str(scene.draw.whole(4, 14)),
    "index": lambda scene: f"{scene.draw.whole(1100, 4900)}",
    "fall": lambda scene: scene.draw.pick(FALLS),
}
