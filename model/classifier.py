"""The classifier as the stream uses it: texts in, readings out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from model import folder
from model.calibration import Calibration
from model.errors import ModelError
from model.labels import KINDS, SENTIMENTS, TOPICS
from model.parts import Part, grouped
from model.tokens import PAD, encode, pad, token_id

__all__ = ["Classifier", "ModelError", "Reading"]

WIDTH_STEP = {"float32": 16, "bfloat16": 32}
MAX_CELLS = 4096
MIN_CELLS = 256
DEVICES = ("auto", "cpu", "cuda")
PRECISIONS = ("auto", "float32", "bfloat16")


@dataclass(frozen=True, slots=True)
class Reading:
    """What the model reads in one document."""

    sentiment: tuple[float, float, float]
    topics: tuple[float, ...]

    @property
    def score(self) -> float:
        """P(positive) - P(negative), in [-1, 1]."""
        return self.sentiment[2] - self.sentiment[0]

    @property
    def label(self) -> str:
        """The most probable sentiment; the first in the order of `SENTIMENTS` on a tie."""
        return SENTIMENTS[self.sentiment.index(max(self.sentiment))]

    @property
    def topic(self) -> str:
        """The most probable topic; the first in the order of `TOPICS` on a tie."""
        return TOPICS[self.topics.index(max(self.topics))]


class Classifier:
    """Loaded networks with their tokenizers, one for all languages or one each; for one calling thread at a time."""

    def __init__(
        self,
        parts: Mapping[str, Part],
        revision: str,
        device: str,
        precision: str,
        *,
        calibration: Calibration | None = None,
    ) -> None:
        self.revision = revision
        self.device = device
        self.precision = precision
        dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
        self.calibration = calibration
        self.parts = parts
        for part in parts.values():
            part.network.to(device, dtype).eval()
        self._width_step = WIDTH_STEP[precision]

    @classmethod
    def load(
        cls, path: Path | None = None, *, device: str = "auto", precision: str = "auto", calibrated: bool = True
    ) -> Classifier:
        """Return the classifier of the folder `path`; None means the weights that are shipped.

        `calibrated=False` leaves the folder's temperatures aside, as who fits new ones wants it.

        Raises:
            ModelError: no usable weights there, or a device or precision this machine does not have.
        """
        device = choose_device(device)
        precision = choose_precision(precision, device)
        path = folder.SHIPPED if path is None else Path(path)
        parts, revision = folder.load_parts(path, calibrated=calibrated)
        temperatures = folder.calibration(path) if calibrated else None
        return cls(parts, revision, device, precision, calibration=temperatures)

    def tokens(self, texts: Sequence[str]) -> list[int]:
        """Return how many tokens of each text are read, the two that frame it included."""
        counts = [0] * len(texts)
        for part, indexes in grouped(self.parts, texts):
            rows = encode(part.tokenizer, [texts[i] for i in indexes])
            for i, row in zip(indexes, rows, strict=True):
                counts[i] = len(row)
        return counts

    def read(self, texts: Sequence[str], kinds: Sequence[str]) -> list[Reading]:
        """Return one reading for each text, in the order given; no texts, no readings.

        Args:
            texts: any strings, the empty one included; cleaned and cut here.
            kinds: "news" or "comment" for each text.

        Raises:
            ValueError: an unknown kind, or as many kinds as texts were not given.
        """
        kind_ids = _kind_ids(texts, kinds)
        heats = None if self.calibration is None else [self.calibration.of(text) for text in texts]
        readings: dict[int, Reading] = {}
        with torch.inference_mode():
            for part, indexes in grouped(self.parts, texts):
                rows = dict(zip(indexes, encode(part.tokenizer, [texts[i] for i in indexes]), strict=True))
                pad_id = token_id(part.tokenizer, PAD)
                lengths = [len(row) for row in rows.values()]
                for width, places in micro_batches(lengths, self._width_step, part.max_tokens):
                    chosen = [indexes[place] for place in places]
                    filled = _filled([rows[i] for i in chosen], [kind_ids[i] for i in chosen], width, pad_id)
                    heat = None if heats is None else [heats[i] for i in chosen]
                    readings.update(zip(chosen, self._forward(part, filled, heat), strict=False))
        return [readings[i] for i in range(len(texts))]

    def _forward(
        self, part: Part, rows: tuple[Tensor, Tensor, Tensor], heat: Sequence[tuple[float, float]] | None
    ) -> list[Reading]:
        """Return a reading for each of the rows that `heat` has temperatures for; for all rows where it is None."""
        found = part.network(*(x.to(self.device) for x in rows))
        logits = [head.double().cpu() for head in found]
        if heat is not None:
            columns = torch.tensor(heat, dtype=torch.float64)[:, :, None].unbind(1)
            logits = [head[: len(heat)] / column for head, column in zip(logits, columns, strict=True)]
        sentiment, topic = (torch.softmax(head, dim=1).tolist() for head in logits)
        return [Reading((s[0], s[1], s[2]), tuple(t)) for s, t in zip(sentiment, topic, strict=True)]


def micro_batches(lengths: Sequence[int], width_step: int, widest: int) -> Iterator[tuple[int, list[int]]]:
    """Yield (width, indexes) covering each index once, shortest first; texts of like length together.

    The width of a text depends on its own length only, so that how a document is padded does not
    depend on its neighbours: its length rounded up to a multiple of `width_step`, `widest` at most. A batch
    has at most `MAX_CELLS` token cells, or one row.
    """
    groups: dict[int, list[int]] = {}
    for index, length in enumerate(lengths):
        groups.setdefault(min(widest, -(-length // width_step) * width_step), []).append(index)
    for width in sorted(groups):
        indexes, rows = groups[width], max(1, MAX_CELLS // width)
        for start in range(0, len(indexes), rows):
            yield width, indexes[start : start + rows]


def _filled(rows: list[list[int]], kinds: list[int], width: int, pad_id: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return ids, mask and kinds with the last row repeated up to `MIN_CELLS` cells.

    Matrix products of few rows take other code paths and add in another order; from 256 cells on, a
    row's float32 result was measured to be the same bit for bit whatever else is in the batch.
    """
    missing = max(0, -(-MIN_CELLS // width) - len(rows))
    ids, mask = pad(rows + rows[-1:] * missing, width, pad_id)
    return ids, mask, torch.tensor(kinds + kinds[-1:] * missing)


def _kind_ids(texts: Sequence[str], kinds: Sequence[str]) -> list[int]:
    if len(texts) != len(kinds):
        raise ValueError(f"{len(texts)} texts and {len(kinds)} kinds; expected as many kinds as texts")
    unknown = set(kinds) - set(KINDS)
    if unknown:
        raise ValueError(f"kind {min(unknown)!r}; expected one of {', '.join(KINDS)}")
    return [KINDS.index(kind) for kind in kinds]


def choose_device(device: str) -> str:
    """Return "cpu" or "cuda" for what was asked; ModelError where it is unknown or not there."""
    if device not in DEVICES:
        raise ModelError(f"device {device!r}; expected one of {', '.join(DEVICES)}")
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise ModelError("device 'cuda': this machine has no usable CUDA device; expected auto or cpu")
    return device


def choose_precision(precision: str, device: str) -> str:
    """Return "float32" or "bfloat16" for what was asked; ModelError where it is unknown."""
    if precision not in PRECISIONS:
        raise ModelError(f"precision {precision!r}; expected one of {', '.join(PRECISIONS)}")
    if precision != "auto":
        return precision
    return "bfloat16" if device == "cuda" or _cpu_has_bfloat16() else "float32"


def _cpu_has_bfloat16() -> bool:
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="ignore")
    except OSError:  # not Linux: float32 is right everywhere
        return False
    return "amx_bf16" in flags or "avx512_bf16" in flags
