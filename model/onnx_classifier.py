"""An exported model read by onnxruntime: the same readings without torch's network."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from model.calibration import Calibration, read_calibration
from model.classifier import Reading, micro_batches
from model.errors import ModelError
from model.folder import TOKENIZER, labels_digest
from model.labels import KINDS, SENTIMENTS, TOPICS
from model.tokens import PAD, encode, load_tokenizer, token_id

ONNX: Final = "model.onnx"
EXPORT: Final = "export.json"
FORMAT: Final = 1
WIDTH_STEP: Final = 16

Floats = NDArray[np.float64]


class OnnxClassifier:
    """A session with its tokenizer, for any number of calling threads."""

    def __init__(
        self, session: Any, tokenizer: Tokenizer, revision: str, max_tokens: int, calibration: Calibration | None
    ) -> None:
        self.revision = revision
        self.max_tokens = max_tokens
        self.calibration = calibration
        self._session = session
        self._tokenizer = tokenizer
        self._pad_id = token_id(tokenizer, PAD)

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
        most = int(about["shape"]["max_tokens"])
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(str(path / ONNX), options, providers=["CPUExecutionProvider"])
        temperatures = read_calibration(path, str(about["weights_sha256"]))
        tokenizer = load_tokenizer(path / TOKENIZER, most)
        return cls(session, tokenizer, _revision(about, temperatures), most, temperatures)

    def read(self, texts: Sequence[str], kinds: Sequence[str]) -> list[Reading]:
        """Return one reading for each text, as `Classifier.read` does; ValueError as there."""
        if len(texts) != len(kinds) or set(kinds) - set(KINDS):
            raise ValueError(f"{len(texts)} texts, kinds {sorted(set(kinds))}; expected one of {KINDS} for each text")
        rows = encode(self._tokenizer, texts)
        found: dict[int, Reading] = {}
        for width, indexes in micro_batches([len(row) for row in rows], WIDTH_STEP, self.max_tokens):
            ids = np.full((len(indexes), width), self._pad_id, dtype=np.int64)
            mask = np.zeros((len(indexes), width), dtype=np.int64)
            for line, i in enumerate(indexes):
                ids[line, : len(rows[i])] = rows[i]
                mask[line, : len(rows[i])] = 1
            kind_ids = np.array([KINDS.index(kinds[i]) for i in indexes], dtype=np.int64)
            logits = self._session.run(None, {"ids": ids, "mask": mask, "kinds": kind_ids})
            heat = np.array([self._heat(texts[i]) for i in indexes])
            sentiment, topic = (_softmax(part / heat[:, head, None]) for head, part in enumerate(logits))
            for i, s, t in zip(indexes, sentiment.tolist(), topic.tolist(), strict=True):
                found[i] = Reading((s[0], s[1], s[2]), tuple(t))
        return [found[i] for i in range(len(texts))]

    def _heat(self, text: str) -> tuple[float, float]:
        return (1.0, 1.0) if self.calibration is None else self.calibration.of(text)


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
    parts = [about["sha256"][ONNX], about["sha256"][TOKENIZER], labels_digest()]
    if temperatures is not None:
        parts.append(temperatures.digest())
    return hashlib.sha256("".join(parts).encode()).hexdigest()[:16]


def _softmax(logits: Any) -> Floats:
    raised = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))
