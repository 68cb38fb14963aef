"""Palettes: the three tones of sentiment, for light and dark backgrounds. Colour never stands alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

LIGHT_BACKGROUND: Final = "#ffffff"
DARK_BACKGROUND: Final = "#0e1117"
MARKS: Final = {"negative": "▼", "neutral": "●", "positive": "▲"}
TONES: Final = {"negative": "neg", "neutral": "neu", "positive": "pos"}


@dataclass(frozen=True, slots=True)
class Shades:
    """Colours on one background: marks reach contrast 3 with it, words (`*_text`) reach 4.5."""

    neg: str
    neu: str
    pos: str
    neg_text: str
    neu_text: str
    pos_text: str
    mid: str  # the middle of the diverging scale


@dataclass(frozen=True, slots=True)
class Palette:
    """One choice of colours; `name` is language-neutral."""

    name: str
    light: Shades
    dark: Shades


PALETTES: Final = (
    Palette(
        "safe",
        Shades("#D55E00", "#767676", "#0072B2", "#B04E00", "#606060", "#0067A1", "#f2f2f2"),
        Shades("#D55E00", "#8f9299", "#2B8CCB", "#F08A3C", "#a6a9b0", "#5DB4EC", "#363b47"),
    ),
    Palette(
        "china",
        Shades("#13864A", "#767676", "#C8262C", "#0F7540", "#606060", "#B81F25", "#f2f2f2"),
        Shades("#2FA866", "#8f9299", "#E5484D", "#45C27E", "#a6a9b0", "#F5777B", "#363b47"),
    ),
    Palette(
        "us",
        Shades("#C8262C", "#767676", "#13864A", "#B81F25", "#606060", "#0F7540", "#f2f2f2"),
        Shades("#E5484D", "#8f9299", "#2FA866", "#F5777B", "#a6a9b0", "#45C27E", "#363b47"),
    ),
)
DEFAULT: Final = PALETTES[0].name
# Severities keep their colours in every palette, apart from those of sentiment; good for marks and for words.
SEVERITY_MARKS: Final = {"warning": "▲", "critical": "◆"}
SEVERITIES: Final = {
    "light": {"warning": "#8A5A00", "critical": "#B3125E"},
    "dark": {"warning": "#E3B341", "critical": "#FF7EB6"},
}


def palette(name: str | None) -> Palette:
    """Return the palette of that name; the default where there is none."""
    return next((p for p in PALETTES if p.name == name), PALETTES[0])


def colours(chosen: Palette) -> dict[str, dict[str, str]]:
    """Return `{light|dark: {name: colour}}` as the components in the browser read it."""
    names = Shades.__dataclass_fields__
    return {
        "light": {name: getattr(chosen.light, name) for name in names} | SEVERITIES["light"],
        "dark": {name: getattr(chosen.dark, name) for name in names} | SEVERITIES["dark"],
    }


def contrast(first: str, second: str) -> float:
    """Return the contrast of two colours `#rrggbb`, 1 to 21.

    References:
        WCAG 2.2, relative luminance and contrast ratio.
    """
    high, low = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
