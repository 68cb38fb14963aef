"""Words in English and Chinese: one catalogue each, the same keys in both."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

LANGUAGES: Final = ("en", "zh")
BABEL: Final = {"en": "en", "zh": "zh_Hans_CN"}
NAMES: Final = {"en": "English", "zh": "中文"}


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one language. Call it with a key and what its placeholders stand for."""

    lang: str
    catalogue: Mapping[str, str]

    def __call__(self, key: str, **values: object) -> str:
        """Return the words; KeyError for a key that no catalogue has."""
        return self.catalogue[key].format(**values)


@cache
def words(lang: str) -> Words:
    """Return the words of a language in `LANGUAGES`."""
    text = resources.files("dashboard").joinpath(f"catalogues/{lang}.json").read_text(encoding="utf-8")
    return Words(lang, json.loads(text))


def first_choice(locale: str | None, remembered: str | None = None) -> str:
    """Return the language to begin with: the one remembered, else the browser's, else English."""
    if remembered in LANGUAGES:
        return str(remembered)
    head = (locale or "").replace("_", "-").split("-", 1)[0].lower()
    return head if head in LANGUAGES else LANGUAGES[0]
