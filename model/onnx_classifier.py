"""An exported model read by onnxruntime: the same readings without torch's network."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from model import revision as revisions
from model.calibration import LANGUAGES, Calibration, read_calibration
from model.classifier import Reading, micro_batches
from model.errors import ModelError
from model.labels import KINDS, SENTIMENTS, TOPICS
from model.parts import grouped
from model.revision import TOKENIZER
from model.tokens import PAD, encode, load_tokenizer, token_id

ONNX: Final = "model.onnx"
EXPORT: Final = "export.json"
FORMAT: Final = 2
WHOLE: Final = "."  # where the one network lies that reads all languages: the folder itself
WIDTH_STEP: Final = 16

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class OnnxPart:
    """A session, the tokenizer whose tokens it knows, and how many it reads."""

    session: Any
    tokenizer: Tokenizer
    max_tokens: int


class OnnxClassifier:
    """Sessions by language with their tokenizers, for any number of calling threads."""

    def __init__(self, parts: Mapping[str, OnnxPart], revision: str, calibration: Calibration | None) -> None:
        self.revision = revision
        self.calibration = calibration
        self._parts = parts

    @classmethod
    def load(cls, path: Path, threads: int = 0) -> OnnxClassifier:
        """Return the classifier of a folder that `barograph export` wrote; 0 threads: one a core.

        Raises:
            ModelError: no whole export there, made for other labels, or onnxruntime is not installed.
        """
        try:
            import onnxruntime
        except ImportError:
            raise ModelError("reading ONNX needs the package onnxruntime: pip install 'barograph[onnx]'") from None
        about = _about(path)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        found = {}
        for place, shape in about["networks"].items():
            most = int(shape["max_tokens"])
            session = onnxruntime.InferenceSession(
                str(path / place / ONNX), options, providers=["CPUExecutionProvider"]
            )
            found[place] = OnnxPart(session, load_tokenizer(path / place / TOKENIZER, most), most)
        parts = dict.fromkeys(LANGUAGES, found[WHOLE]) if WHOLE in found else found
        temperatures = read_calibration(path, str(about["weights_sha256"]))
        return cls(parts, _revision(about, temperatures), temperatures)

    def read(self, texts: Sequence[str], kinds: Sequence[str]) -> list[Reading]:
        """Return one reading for each text, as `Classifier.read` does; ValueError as there."""
        if len(texts) != len(kinds) or set(kinds) - set(KINDS):
            raise ValueError(f"{len(texts)} texts, kinds {sorted(set(kinds))}; expected one of {KINDS} for each text")
        found: dict[int, Reading] = {}
        for part, indexes in grouped(self._parts, texts):
            rows = encode(part.tokenizer, [texts[i] for i in indexes])
            for width, places in micro_batches([len(row) for row in rows], WIDTH_STEP, part.max_tokens):
                chosen = [indexes[place] for place in places]
                kind_ids = np.array([KINDS.index(kinds[i]) for i in chosen], dtype=np.int64)
                logits = part.session.run(None, _filled(part, [rows[place] for place in places], width, kind_ids))
                heat = np.array([self._heat(texts[i]) for i in chosen])
                sentiment, topic = (_softmax(head / heat[:, line, None]) for line, head in enumerate(logits))
                for i, s, t in zip(chosen, sentiment.tolist(), topic.tolist(), strict=True):
                    found[i] = Reading((s[0], s[1], s[2]), tuple(t))
        return [found[i] for i in range(len(texts))]

    def _heat(self, text: str) -> tuple[float, float]:
        return (1.0, 1.0) if self.calibration is None else self.calibration.of(text)


def _filled(part: OnnxPart, rows: Sequence[Sequence[int]], width: int, kind_ids: Any) -> dict[str, Any]:
    ids = np.full((len(rows), width), token_id(part.tokenizer, PAD), dtype=np.int64)
    mask = np.zeros((len(rows), width), dtype=np.int64)
    for line, row in enumerate(rows):
        ids[line, : len(row)] = row
        mask[line, : len(row)] = 1
    return {"ids": ids, "mask": mask, "kinds": kind_ids}


def digest(path: Path) -> str:
    """Return the hash of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _about(path: Path) -> dict[str, Any]:
    try:
        about = json.loads((path / EXPORT).read_text(encoding="utf-8"))
        if about["format"] != FORMAT:
            raise ModelError(f"{path / EXPORT}: format {about['format']}; this version reads {FORMAT}")
        for name, ours in (("sentiments", SENTIMENTS), ("topics", TOPICS), ("kinds", KINDS)):
            if about[name] != list(ours):
                raise ModelError(f"{path / EXPORT}: {name} {about[name]}; this version reads {list(ours)}")
        for name, stated in about["sha256"].items():
            if digest(path / name) != stated:
                raise ModelError(f"{path / name}: damaged: its hash is not the one in {EXPORT}")
    except OSError:
        raise ModelError(f"{path}: no whole export here; expected {EXPORT}, {ONNX} and {TOKENIZER}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise ModelError(f"{path / EXPORT}: not written by `barograph export`: {exc!r}") from None
    return dict(about)


def _revision(about: dict[str, Any], temperatures: Calibration | None) -> str:
    """Return the hash of all that decides a reading: never that of the weights it came from, as digits differ."""
    return revisions.of(about["sha256"], None if temperatures is None else temperatures.digest())


def _softmax(logits: Any) -> Floats:
    raised = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))
