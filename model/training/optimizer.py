"""AdamW over float32 master copies, so that a network in bfloat16 learns from small steps."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
    """Prepare a network for training in "float32", "bfloat16" or "float16".

    In half precision the embeddings stay float32: their gradient is a sum over many tokens, which
    bfloat16 would round away; their output is cast. Attention is the eager one on the CPU, where
    the backward pass of the fused one takes half of the whole step. Returns the handle of the cast.
    """
    device = next(network.parameters()).device
    if device.type == "cpu":
        network.encoder.set_attn_implementation("eager")
    if precision == "float32":
        return None
    dtype = {"bfloat16": torch.bfloat16, "float16": torch.float16}[precision]

    def cast(_module: nn.Module, _inputs: object, output: Tensor) -> Tensor:
        return output.to(dtype)

    network.to(dtype)
    words = network.encoder.words if network.shape.foreign else network.encoder.embeddings
    words.float()
    handle: RemovableHandle = words.register_forward_hook(cast)
    return handle


def rate_factor(step: int, steps: int, warm_up: float) -> float:
    """Return the share of the peak learning rate at `step` of `steps`: linear up, then linear down to zero."""
    rising = max(1, round(steps * warm_up))
    if step < rising:
        return (step + 1) / rising
    return max(0.0, (steps - step) / max(1, steps - rising))


class MasterAdamW:
    """AdamW that keeps float32 masters of the bfloat16 parameters it is given."""

    def __init__(self, groups: Sequence[Group], clip_norm: float = 1.0) -> None:
        groups = [group for group in groups if group.parameters]
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

    @property
    def masters(self) -> list[Tensor]:
        """The float32 parameters, in the order of the groups."""
        return self._masters

    def gather(self) -> None:
        """Add the network's gradients to those of the masters, in float32, and clear them."""
        for live, master in zip(self._live, self._masters, strict=True):
            if live is not master and live.grad is not None:
                found = live.grad.float()
                master.grad = found if master.grad is None else master.grad.add_(found)
                live.grad = None

    def step(self, factor: float, scale: float = 1.0) -> float:
        """Apply the gradients at `factor` of the peak rates, clear them, and return their norm before clipping.

        The loss was multiplied by `scale`. Where the norm is no number, nothing is applied.
        """
        self.gather()
        if scale != 1.0:
            for master in self._masters:
                if master.grad is not None:
                    master.grad.div_(scale)
        norm = float(torch.nn.utils.clip_grad_norm_(self._masters, self._clip_norm))
        if math.isfinite(norm):
            for settings, peak in zip(self._adamw.param_groups, self._peaks, strict=True):
                settings["lr"] = peak * factor
            self._adamw.step()
        self._adamw.zero_grad()
        self._publish()
        return norm

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

    @contextmanager
    def lending(self, values: Sequence[Tensor]) -> Iterator[None]:
        """Let the network hold `values` in place of its masters inside the block."""
        own = [master.detach().clone() for master in self._masters]
        self._fill(values)
        try:
            yield
        finally:
            self._fill(own)

    def _fill(self, values: Sequence[Tensor]) -> None:
        with torch.no_grad():
            for master, value in zip(self._masters, values, strict=True):
                master.copy_(value)
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


class Scale:
    """The factor of the loss in float16, whose small gradients would be zero; halved where they overflow."""

    def __init__(self, value: float = 1.0, growing_after: int = 0) -> None:
        """Start at `value`, and double it after `growing_after` sound steps in a row; 0: it stays."""
        self.value = value
        self.sound = 0
        self._growing_after = growing_after

    def learn(self, norm: float) -> None:
        """Take in the norm of a step's gradients."""
        if not self._growing_after:
            return
        if not math.isfinite(norm):
            self.value, self.sound = max(1.0, self.value / 2), 0
            return
        self.sound += 1
        if self.sound >= self._growing_after:
            self.value, self.sound = self.value * 2, 0


class Average:
    """A running mean of the parameters over the steps, which reads better than the last of them."""

    def __init__(self, values: Sequence[Tensor], decay: float) -> None:
        self.values = [value.detach().clone() for value in values]
        self._decay = decay

    def learn(self, values: Sequence[Tensor], step: int) -> None:
        """Take in the parameters after `step` (from 0); the first steps count less long, as the start is forgotten."""
        kept = min(self._decay, (1 + step) / (10 + step))
        with torch.no_grad():
            for mean, value in zip(self.values, values, strict=True):
                mean.lerp_(value.detach(), 1 - kept)

    def state(self) -> dict[str, Tensor]:
        """Return the tensors of a checkpoint."""
        return {f"average.{index}": value for index, value in enumerate(self.values)}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Continue from what `state` returned."""
        for index, value in enumerate(self.values):
            value.copy_(state[f"average.{index}"])
