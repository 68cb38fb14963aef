"""What a run may be told: two frozen tables of one TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from model.errors import ModelError


@dataclass(frozen=True, slots=True)
class Pretraining:
    """Continued pre-training with masked tokens; `steps = 0` leaves it out."""

    steps: int = 3000
    batch: int = 64
    width: int = 64
    masked: float = 0.2
    rate_embeddings: float = 8e-4
    rate_encoder: float = 3e-4
    warm_up: float = 0.04
    tokens_en: int = 4_000_000
    tokens_zh: int = 9_000_000
    checkpoint_steps: int = 100


@dataclass(frozen=True, slots=True)
class Finetuning:
    """Training of both heads and the encoder on labelled text."""

    epochs: int = 5
    batch_cells: int = 4096
    rate_embeddings: float = 3e-4
    rate_encoder: float = 1.5e-4
    rate_heads: float = 1e-3
    weight_decay: float = 0.01
    warm_up: float = 0.06
    dropout: float = 0.1
    encoder_dropout: float = 0.0  # drawing its random numbers takes a third of a step on a CPU
    word_dropout: float = 0.1
    patience: int = 2
    topic_weight: float = 0.7
    checkpoint_steps: int = 100


@dataclass(frozen=True, slots=True)
class Config:
    """One training run."""

    seed: int = 0
    threads: int = 0
    precision: str = "auto"
    max_tokens: int = 128
    held_out_fifth: int = 0
    token_at_least: int = 3
    character_at_least: int = 5
    pretraining: Pretraining = field(default_factory=Pretraining)
    finetuning: Finetuning = field(default_factory=Finetuning)


def read_config(path: Path | None) -> Config:
    """Return the configuration of a TOML file; None gives the defaults.

    Raises:
        ModelError: the file cannot be read, or names something unknown or of the wrong type.
    """
    if path is None:
        return Config()
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise ModelError(f"{path}: {exc.strerror}; expected a TOML file") from None
    except ValueError as exc:
        raise ModelError(f"{path}: not a TOML file: {exc}") from None
    parts = {
        "pretraining": _fill(Pretraining, table.pop("pretraining", {}), f"{path}: pretraining."),
        "finetuning": _fill(Finetuning, table.pop("finetuning", {}), f"{path}: finetuning."),
    }
    config: Config = _fill(Config, table, f"{path}: ", parts)
    if config.precision not in ("auto", "float32", "bfloat16"):
        raise ModelError(f"{path}: precision = {config.precision!r}; expected auto, float32 or bfloat16")
    return config


def _fill(kind: Any, table: Any, where: str, parts: Mapping[str, Any] | None = None) -> Any:
    if not isinstance(table, dict):
        raise ModelError(f"{where.rstrip('.')} = {table!r}; expected a table")
    defaults = kind()
    known = {entry.name: getattr(defaults, entry.name) for entry in fields(kind) if entry.name not in (parts or {})}
    values: dict[str, Any] = dict(parts or {})
    for name, value in table.items():
        if name not in known:
            raise ModelError(f"{where}{name}: no such setting; known are {', '.join(sorted(known))}")
        wanted = type(known[name])
        if isinstance(value, bool) or not isinstance(value, (int, float) if wanted is float else wanted):
            raise ModelError(f"{where}{name} = {value!r}; expected {wanted.__name__}")
        if wanted is not str and value < 0:
            raise ModelError(f"{where}{name} = {value!r}; expected zero or more")
        values[name] = wanted(value)
    return kind(**values)
