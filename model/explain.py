"""Which words made the model read a text as it did: a weight for each word and head, in log-odds.

A weight says how much a word moves the log-odds from those of the same text with every token masked: above 0
towards positive, below 0 towards negative; for the topic, towards the topic read or away from it.

Three methods. What they were compared with: the change when one token is masked, by the rank correlation over the
tokens of a text (English / Chinese) of the weights that ship.

- `gradient`: gradient x (input - blank) at the text itself (.36 / .53). One pass; the sum means nothing: the network
  is far from linear, and it is normalised before its first layer.
- `path`, the default: that gradient, averaged over four points between blank and text (.68 / .70). The sum is near.
- `integrated`: integrated gradients (.65 / .70) by captum, where the weights sum to the difference to within 5%.

Plain gradient x word embedding was measured too, and is close to noise here (.04 / .20).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, get_args

import torch
from tokenizers import Encoding
from torch import Tensor

from model import folder
from model.attribution import MOST_CELLS, Rows, embeddings, log_odds
from model.calibration import Calibration
from model.classifier import Reading, choose_device, micro_batches
from model.labels import KINDS, SENTIMENTS, TOPICS
from model.parts import Part, grouped
from model.script import simplified
from model.text import clean
from model.tokens import MASK, PAD, pad, token_id
from model.words import word_of, words

Method = Literal["gradient", "path", "integrated"]
METHODS: Final = get_args(Method)
POINTS: Final = {"gradient": 1, "path": 4}
WIDTH_STEP: Final = 16
PLACES: Final = 4


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the cleaned text, `[start, end)` in characters, and its weights in log-odds."""

    text: str
    start: int
    end: int
    sentiment: float
    topic: float


@dataclass(frozen=True, slots=True)
class Sum:
    """What the weights of one head add up to, in log-odds.

    Attributes:
        value: of the text: ln P(positive) - ln P(negative), or ln P(topic) - ln P(any other).
        blank: of the same text with every token masked.
        words: the sum of the words' weights.
    """

    value: float
    blank: float
    words: float

    @property
    def rest(self) -> float:
        """What the words leave unexplained."""
        return self.value - self.blank - self.words


@dataclass(frozen=True, slots=True)
class Explanation:
    """One text explained.

    Attributes:
        text: as the model read it (cleaned, but for its script): words are its parts, in order.
        read_chars: how far it was read; words after it weigh 0.
    """

    text: str
    words: tuple[Word, ...]
    reading: Reading
    sentiment: Sum
    topic: Sum
    method: Method
    read_chars: int


class Explainer:
    """Networks in float32, differentiated towards their embeddings only; for one calling thread at a time."""

    def __init__(
        self,
        parts: Mapping[str, Part],
        revision: str,
        device: str = "cpu",
        calibration: Calibration | None = None,
    ) -> None:
        self.revision = revision
        self.device = device
        self.parts = parts
        for part in parts.values():
            part.network.to(device, torch.float32).eval().requires_grad_(False)
        self._calibration = calibration

    @classmethod
    def load(cls, path: Path | None = None, *, device: str = "auto") -> Explainer:
        """Return the explainer of the folder `path`; None means the weights that are shipped.

        Raises:
            ModelError: no usable weights there, or a device this machine does not have.
        """
        path = folder.SHIPPED if path is None else Path(path)
        parts, revision = folder.load_parts(path)
        return cls(parts, revision, choose_device(device), folder.calibration(path))

    def explain(self, texts: Sequence[str], kinds: Sequence[str], method: Method = "path") -> list[Explanation]:
        """Return one explanation for each text, in the order given; no texts, no explanations.

        Args:
            texts: any strings, the empty one included; cleaned and cut here.
            kinds: "news" or "comment" for each text.
            method: see the module.

        Raises:
            ValueError: an unknown kind or method, or as many kinds as texts were not given.
            ModelError: `integrated` without captum.
        """
        _check(texts, kinds, method)
        cleaned = [_shown(text) for text in texts]
        heat = [(1.0, 1.0) if self._calibration is None else self._calibration.of(text) for text in texts]
        found: dict[int, Explanation] = {}
        for part, indexes in grouped(self.parts, texts):
            read = part.tokenizer.encode_batch([simplified(cleaned[i]) for i in indexes])
            for width, places in _batches([len(one.ids) for one in read], part.max_tokens):
                chosen = [indexes[place] for place in places]
                ids, mask = pad([read[place].ids for place in places], width, token_id(part.tokenizer, PAD))
                rows = Rows(
                    network=part.network,
                    ids=ids.to(self.device),
                    blank=blank([read[place] for place in places], ids, token_id(part.tokenizer, MASK)).to(self.device),
                    mask=mask.to(self.device),
                    kinds=torch.tensor([KINDS.index(kinds[i]) for i in chosen], device=self.device),
                    heat=torch.tensor([heat[i] for i in chosen], device=self.device),
                )
                for i, place, (reading, sums, weights) in zip(chosen, places, _explained(rows, method), strict=True):
                    weighed, read_chars = _weighed(cleaned[i], read[place], weights)
                    found[i] = Explanation(cleaned[i], weighed, reading, sums[0], sums[1], method, read_chars)
        return [found[i] for i in range(len(texts))]


def _shown(text: str) -> str:
    """Return the text whose parts the words are: in its own characters, where each stands for one that was read."""
    own = clean(text)
    read = simplified(own)
    return own if len(own) == len(read) else read


def blank(read: Sequence[Encoding], ids: Tensor, mask_id: int) -> Tensor:
    """Return ids with every token masked but the frame and the padding."""
    frame = torch.ones_like(ids)
    for row, one in enumerate(read):
        frame[row, : len(one.ids)] = torch.tensor(one.special_tokens_mask)
    return torch.where(frame.bool(), ids, mask_id)


def _explained(rows: Rows, method: Method) -> Iterator[tuple[Reading, list[Sum], list[list[float]]]]:
    """Yield, for each row, its reading, the sums of both heads, and each token's two weights."""
    with torch.no_grad():
        with embeddings(rows.network) as seen:
            logits = rows.logits(rows.ids)
        topics = logits[1].argmax(1)
        values = log_odds(logits, topics)
        with embeddings(rows.network) as masked:
            blanks = log_odds(rows.logits(rows.blank), topics)
    if method == "integrated":
        weights = rows.integrated(seen[0], masked[0], topics)
    else:
        weights = rows.averaged(seen[0], masked[0], topics, POINTS[method])
    sentiment, topic = (torch.softmax(part, 1).tolist() for part in logits)
    totals = weights.sum(-1)
    for row, (s, t) in enumerate(zip(sentiment, topic, strict=True)):
        sums = [Sum(float(values[row, head]), float(blanks[row, head]), float(totals[head, row])) for head in (0, 1)]
        yield Reading((s[0], s[1], s[2]), tuple(t)), sums, weights[:, row].T.tolist()


def _batches(lengths: Sequence[int], widest: int) -> Iterator[tuple[int, list[int]]]:
    for width, indexes in micro_batches(lengths, WIDTH_STEP, widest):
        rows = max(1, MOST_CELLS // width)
        for start in range(0, len(indexes), rows):
            yield width, indexes[start : start + rows]


def _weighed(text: str, read: Encoding, weights: list[list[float]]) -> tuple[tuple[Word, ...], int]:
    """Return the words of a text, each with the weights of the tokens in it, and how far the text was read."""
    spans = words(text)
    starts = [start for start, _ in spans]
    totals = [[0.0, 0.0] for _ in spans]
    read_chars = 0
    for (start, end), special, (sentiment, topic) in zip(read.offsets, read.special_tokens_mask, weights, strict=False):
        if not special:
            total = totals[word_of(starts, start)]
            total[0] += sentiment
            total[1] += topic
            read_chars = max(read_chars, end)
    found = (Word(text[start:end], start, end, *total) for (start, end), total in zip(spans, totals, strict=True))
    return tuple(found), read_chars


def as_json(one: Explanation) -> dict[str, Any]:
    """Return an explanation as plain values for machines; weights in log-odds, to four places."""
    reading = one.reading
    return {
        "text": one.text,
        "label": reading.label,
        "score": round(reading.score, PLACES),
        "sentiment": named(SENTIMENTS, reading.sentiment),
        "topic": reading.topic,
        "topics": named(TOPICS, reading.topics),
        "method": one.method,
        "read_chars": one.read_chars,
        "words": [
            {
                "text": word.text,
                "start": word.start,
                "end": word.end,
                "sentiment": round(word.sentiment, PLACES),
                "topic": round(word.topic, PLACES),
            }
            for word in one.words
        ],
        "sums": {"sentiment": _sum(one.sentiment), "topic": _sum(one.topic)},
    }


def _sum(part: Sum) -> dict[str, float]:
    fields = {"value": part.value, "blank": part.blank, "words": part.words, "rest": part.rest}
    return {name: round(value, PLACES) for name, value in fields.items()}


def named(names: Sequence[str], values: Sequence[float]) -> dict[str, float]:
    """Return probabilities by their labels' names, to four places: later ones depend on which texts shared a batch."""
    return {name: round(value, PLACES) for name, value in zip(names, values, strict=True)}


def _check(texts: Sequence[str], kinds: Sequence[str], method: str) -> None:
    if len(texts) != len(kinds):
        raise ValueError(f"{len(texts)} texts and {len(kinds)} kinds; expected as many kinds as texts")
    for name, value, known in [*(("kind", kind, KINDS) for kind in kinds), ("method", method, METHODS)]:
        if value not in known:
            raise ValueError(f"{name} {value!r}; expected one of {', '.join(known)}")
