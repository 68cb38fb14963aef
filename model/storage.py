"""How the numbers of a network lie in its file: in bfloat16, or matrices in eight bits with a scale a row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, get_args

import torch
from torch import Tensor

from model.errors import ModelError

Storage = Literal["bfloat16", "int8"]
STORAGES: Final = get_args(Storage)
SCALE: Final = ".scale"
_MOST: Final = 127


def packed(state: Mapping[str, Tensor], storage: Storage) -> dict[str, Tensor]:
    """Return the tensors to write; with `int8` each matrix as whole numbers in -127..127 and a scale for each row."""
    found: dict[str, Tensor] = {}
    for name, value in state.items():
        if storage == "int8" and value.dim() == 2:
            exact = value.detach().to("cpu", torch.float32)
            # Rounded first, so that the numbers are right for the scale as it is stored.
            scale = (exact.abs().amax(dim=1) / _MOST).clamp_min(torch.finfo(torch.float32).tiny).to(torch.bfloat16)
            rows = (exact / scale.float()[:, None]).round().clamp(-_MOST, _MOST)
            found[name], found[name + SCALE] = rows.to(torch.int8).contiguous(), scale
        else:
            found[name] = value.detach().to("cpu", torch.bfloat16).contiguous()
    return found


def unpacked(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors of a file in float32.

    Raises:
        ModelError: whole numbers without their scale.
    """
    found: dict[str, Tensor] = {}
    for name, value in tensors.items():
        if value.dtype == torch.int8:
            scale = tensors.get(name + SCALE)
            if scale is None or scale.shape != value.shape[:1]:
                raise ModelError(f"{name}: eight bits without a scale for each of {value.shape[0]} rows")
            found[name] = value.float() * scale.float()[:, None]
        elif not (name.endswith(SCALE) and name.removesuffix(SCALE) in tensors):
            found[name] = value.float()
    return found
