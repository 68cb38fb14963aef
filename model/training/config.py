"""What a run may be told: two frozen tables of one TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from model.calibration import LANGUAGES
from model.errors import ModelError
from model.training.bases import BASES, MINILM

PRECISIONS = ("auto", "float32", "bfloat16", "float16")
MODES = ("full", "lora", "head")
STARTS = ("base", "shipped")


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
    topic_weight: float = 0.8
    checkpoint_steps: int = 100
    accumulation: int = 1  # batches a step
    layer_decay: float = 1.0  # each layer learns at this share of the rate of the layer above it
    average: float = (
        0.0  # decay of the running mean of the weights that is measured and kept; 0: the weights themselves
    )
    loss_scale: float = 65536.0  # at the start, in float16
    rate_lora: float = 1e-3
    lora_rank: int = 16
    lora_alpha: int = 32
    lora_dropout: float = 0.05
    taught: float = 0.5  # share of the loss that is the distance from the teacher, where there is one
    taught_temperature: float = 2.0


@dataclass(frozen=True, slots=True)
class Config:
    """One training run.

    `start` is "base" (the encoder that `base` names, or the one named on the command line) or "shipped" (the weights
    that come with the program). `language` leaves out the rows and corpora of any other; empty: all. `layers` above 0
    keeps so many of those it starts from, and the whole of it becomes the teacher. `sources` names those to train and
    measure on; empty: all. `never_trained` are only measured on. `weak_per_label` and `templates_per_label` are rows a
    sentiment made by the rules of `weak` and `templates`.
    """

    seed: int = 0
    threads: int = 0
    precision: str = "auto"
    mode: str = "full"
    start: str = "base"
    base: str = MINILM
    layers: int = 0
    language: str = ""
    max_tokens: int = 128
    held_out_fifth: int = 0
    sources: tuple[str, ...] = ()
    never_trained: tuple[str, ...] = ("fpb",)
    weak_per_label: int = 0
    templates_per_label: int = 0
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
    choices = (
        ("precision", PRECISIONS), ("mode", MODES), ("start", STARTS), ("base", BASES), ("language", ("", *LANGUAGES)),
    )  # fmt: skip
    for name, known in choices:
        if getattr(config, name) not in known:
            expected = f"{', '.join(filter(None, known[:-1]))} or {known[-1]}"
            raise ModelError(f"{path}: {name} = {getattr(config, name)!r}; expected {expected}")
    if config.finetuning.accumulation < 1:
        raise ModelError(f"{path}: finetuning.accumulation = 0; expected 1 or more")
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
        if wanted is tuple:
            values[name] = _names(value, f"{where}{name}")
            continue
        if isinstance(value, bool) or not isinstance(value, (int, float) if wanted is float else wanted):
            raise ModelError(f"{where}{name} = {value!r}; expected {wanted.__name__}")
        if wanted is not str and value < 0:
            raise ModelError(f"{where}{name} = {value!r}; expected zero or more")
        values[name] = wanted(value)
    return kind(**values)


def _names(value: Any, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ModelError(f"{where} = {value!r}; expected a list of names")
    return tuple(value)
