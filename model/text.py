"""Text as the model reads it: one cheap, total normalisation, the same in training and in the stream."""

from __future__ import annotations

import html
import re
import unicodedata

MAX_CHARS = 2000

_URL = re.compile(r"(?:https?|hxxps?)\s?:\s?//\s?\S+|\bwww\.[^\s]+|\bpic\.twitter\.com/\S+", re.IGNORECASE)
_HANDLE = re.compile(r"(?<![\w@])@[A-Za-z0-9_]{2,30}\b")
_RETWEET = re.compile(r"^rt\s+@user\s*:?\s*", re.IGNORECASE)
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufffd\ufff9-\ufffb]")
_REPEAT = re.compile(r"(\D)\1{3,}")
_SPACE = re.compile(r"\s+")


def clean(text: str) -> str:
    """Return `text` in the form the model was trained on; total: it never raises on a str.

    Cut to `MAX_CHARS` characters first, so that the cost is bounded. Compatibility forms
    (full-width letters, ligatures) are folded by NFKC; HTML entities are decoded; links go;
    a handle becomes `@user`, as who is named must not sway the reading; cashtags stay.
    Control and invisible characters and lone surrogates go; a character repeated more than
    three times is kept three times; white space is single. Case is left to the tokenizer.

    Returns:
        At most `MAX_CHARS` characters, possibly none.
    """
    text = _SURROGATE.sub("", text[: 2 * MAX_CHARS])
    if "&" in text:
        text = _SURROGATE.sub("", html.unescape(text))
    text = unicodedata.normalize("NFKC", text)[: 2 * MAX_CHARS]
    text = _INVISIBLE.sub("", _CONTROL.sub(" ", text))
    text = _HANDLE.sub("@user", _URL.sub(" ", text))
    text = _REPEAT.sub(r"\1\1\1", _RETWEET.sub("", text))
    return _SPACE.sub(" ", text).strip()[:MAX_CHARS].rstrip()
