"""Where the figures of a run go besides its log: TensorBoard files, Weights & Biases."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol

from model.errors import ModelError


class Tracker(Protocol):
    """Takes named numbers of a step."""

    def log(self, facts: Mapping[str, float], step: int) -> None:
        """Keep `facts` under their names."""


class TensorBoard:
    """Event files that `tensorboard --logdir` shows."""

    def __init__(self, folder: Path) -> None:
        if importlib.util.find_spec("tensorboardX") is None:
            raise ModelError("tensorboardX is not installed; expected the extra: pip install 'barograph[train]'")
        from tensorboardX import SummaryWriter

        self._writer: Any = SummaryWriter(logdir=str(folder))

    def log(self, facts: Mapping[str, float], step: int) -> None:
        """Write each number as a scalar."""
        for name, value in facts.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Write what is still in memory."""
        self._writer.close()


class WeightsAndBiases:
    """A run of Weights & Biases, with its own settings and credentials."""

    def __init__(self, project: str, settings: Mapping[str, Any], folder: Path) -> None:
        if importlib.util.find_spec("wandb") is None:
            raise ModelError("wandb is not installed; expected it for --wandb: pip install wandb")
        import wandb

        self._run: Any = wandb.init(project=project, config=dict(settings), dir=str(folder))

    def log(self, facts: Mapping[str, float], step: int) -> None:
        """Send the numbers; names carry the stage, and steps may begin anew with a stage."""
        self._run.log({**facts, "step": step})

    def close(self) -> None:
        """End the run."""
        self._run.finish()


@contextmanager
def tracking(
    out: Path, settings: Mapping[str, Any], *, tensorboard: bool = False, wandb_project: str | None = None
) -> Iterator[list[Tracker]]:
    """Yield the trackers that were asked for, and close them afterwards.

    Raises:
        ModelError: one of them is not installed.
    """
    with ExitStack() as stack:
        trackers: list[Tracker] = []
        if tensorboard:
            board = TensorBoard(out / "tensorboard")
            stack.callback(board.close)
            trackers.append(board)
        if wandb_project:
            run = WeightsAndBiases(wandb_project, settings, out)
            stack.callback(run.close)
            trackers.append(run)
        yield trackers
