"""AdamW over float32 master copies, so that a network in bfloat16 learns from small steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from model.network import Network


@dataclass(frozen=True, slots=True)
class Group:
    """Parameters that share a peak learning rate."""

    parameters: list[nn.Parameter]
    peak_rate: float
    decay: float


def set_precision(network: Network, precision: str) -> RemovableHandle | None:
    """Prepare a network for training in "float32" or "bfloat16".

    In bfloat16 the embeddings stay float32: their gradient is a sum over many tokens, which
    bfloat16 would round away; their output is cast. Attention is the eager one on the CPU, where
    the backward pass of the fused one takes half of the whole step. Returns the handle of the cast.
    """
    device = next(network.parameters()).device
    if device.type == "cpu":
        network.encoder.set_attn_implementation("eager")
    if precision == "float32":
        return None
    network.to(torch.bfloat16)
    network.encoder.embeddings.float()
    handle: RemovableHandle = network.encoder.embeddings.register_forward_hook(_to_bfloat16)
    return handle


def _to_bfloat16(_module: nn.Module, _inputs: object, output: Tensor) -> Tensor:
    return output.to(torch.bfloat16)


def rate_factor(step: int, steps: int, warm_up: float) -> float:
    """Return the share of the peak learning rate at `step` of `steps`: linear up, then linear down to zero."""
    rising = max(1, round(steps * warm_up))
    if step < rising:
        return (step + 1) / rising
    return max(0.0, (steps - step) / max(1, steps - rising))


class MasterAdamW:
    """AdamW that keeps float32 masters of the bfloat16 parameters it is given."""

    def __init__(self, groups: Sequence[Group], clip_norm: float = 1.0) -> None:
        self._live = [parameter for group in groups for parameter in group.parameters]
        self._masters: list[Tensor] = []
        settings = []
        for group in groups:
            masters = [_master(parameter) for parameter in group.parameters]
            self._masters.extend(masters)
            settings.append({"params": masters, "lr": group.peak_rate, "weight_decay": group.decay})
        self._peaks = [group.peak_rate for group in groups]
        self._adamw = torch.optim.AdamW(settings, betas=(0.9, 0.98), eps=1e-6, fused=True)
        self._clip_norm = clip_norm

    def step(self, factor: float) -> float:
        """Apply the gradients at `factor` of the peak rates, clear them, and return their norm before clipping."""
        for live, master in zip(self._live, self._masters, strict=True):
            if live is not master:
                master.grad = None if live.grad is None else live.grad.float()
                live.grad = None
        norm = torch.nn.utils.clip_grad_norm_(self._masters, self._clip_norm)
        for settings, peak in zip(self._adamw.param_groups, self._peaks, strict=True):
            settings["lr"] = peak * factor
        self._adamw.step()
        self._adamw.zero_grad()
        self._publish()
        return float(norm)

    def state(self) -> dict[str, Tensor]:
        """Return all tensors that a later `restore` needs."""
        state = {}
        for index, master in enumerate(self._masters):
            state[f"{index}.value"] = master.detach()
            for name, value in self._adamw.state.get(master, {}).items():
                state[f"{index}.{name}"] = value.detach()
        return state

    def restore(self, state: dict[str, Tensor]) -> None:
        """Continue from what `state` returned, the parameters of the network included."""
        with torch.no_grad():
            for index, master in enumerate(self._masters):
                master.copy_(state[f"{index}.value"])
                kept = {
                    name.split(".", 1)[1]: value.clone()
                    for name, value in state.items()
                    if name.startswith(f"{index}.") and not name.endswith(".value")
                }
                if kept:
                    self._adamw.state[master] = kept
        self._publish()

    def finish(self) -> None:
        """Make the network's own parameters the float32 masters."""
        for live, master in zip(self._live, self._masters, strict=True):
            live.data = master.detach()

    def _publish(self) -> None:
        with torch.no_grad():
            for live, master in zip(self._live, self._masters, strict=True):
                if live is not master:
                    live.copy_(master)


def _master(parameter: nn.Parameter) -> Tensor:
    if parameter.dtype == torch.float32:
        return parameter
    return nn.Parameter(parameter.detach().float().clone())
