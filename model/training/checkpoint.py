"""Checkpoints of a run: tensors in safetensors, the rest in JSON; written whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import Tensor

from model.errors import ModelError

TENSORS = "checkpoint.safetensors"


def write(folder: Path, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
    """Write one checkpoint, in place of the last one. Facts travel in the same file, so both are of one step."""
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{TENSORS}.part"
    state = {name: value.contiguous().cpu().clone() for name, value in tensors.items()}
    save_file(state, part, metadata={"facts": json.dumps(facts)})
    part.replace(folder / TENSORS)


def read(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Return tensors and facts of the checkpoint in `folder`; None where there is none.

    Raises:
        ModelError: the file is damaged.
    """
    path = folder / TENSORS
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        return load_file(path), json.loads(header["__metadata__"]["facts"])
    except Exception as exc:  # safetensors and json each raise their own
        raise ModelError(f"{path}: not a checkpoint of this program: {exc}") from None
