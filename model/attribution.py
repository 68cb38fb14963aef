"""Attributions of the network's log-odds to its tokens: gradients averaged on the way from a blank text.

References:
    Sundararajan, Taly & Yan (2017), Axiomatic attribution for deep networks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from model.errors import ModelError
from model.network import Network

STEPS: Final = 32
# A backward pass keeps what every layer made: about 40 KB a token cell.
MOST_CELLS: Final = 1024


@dataclass(frozen=True, slots=True)
class Rows:
    """Texts of one width on their network.

    Attributes:
        ids, mask, kinds: as `Network.forward` takes them.
        blank: ids with every token masked but frame and padding.
        heat: temperatures (rows, 2) of sentiment and topic.
    """

    network: Network
    ids: Tensor
    blank: Tensor
    mask: Tensor
    kinds: Tensor
    heat: Tensor

    def logits(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        sentiment, topic = self.network(ids, self.mask, self.kinds)
        return sentiment / self.heat[:, :1], topic / self.heat[:, 1:]

    def averaged(self, seen: Tensor, masked: Tensor, topics: Tensor, points: int) -> Tensor:
        """Return weights (2, rows, tokens): the way from blank to text times the gradient's mean along it."""
        way = seen - masked
        weights = torch.zeros(2, *self.ids.shape, device=self.ids.device)
        for at, share in path_points(points):
            hidden = (masked + at * way).requires_grad_()
            with embeddings(self.network, hidden):
                targets = log_odds(self.logits(self.ids), topics)
            for head in (0, 1):
                (gradient,) = torch.autograd.grad(targets[:, head].sum(), hidden, retain_graph=head == 0)
                weights[head] += share * (gradient * way).sum(-1)
        return weights

    def integrated(self, seen: Tensor, masked: Tensor, topics: Tensor) -> Tensor:
        """Return weights (2, rows, tokens) by captum; the rows one by one, so that no pass grows beyond bounds."""

        def value(hidden: Tensor, *given: Tensor) -> Tensor:
            ids, mask, kinds, heat, chosen = given
            with embeddings(self.network, hidden):
                return log_odds(Rows(self.network, ids, ids, mask, kinds, heat).logits(ids), chosen)

        integrate = _captum()(value)
        weights = torch.zeros(2, *self.ids.shape, device=self.ids.device)
        for row in range(len(self.ids)):
            one = slice(row, row + 1)
            for head in (0, 1):
                found = integrate.attribute(
                    seen[one],
                    baselines=masked[one],
                    target=head,
                    additional_forward_args=(
                        self.ids[one],
                        self.mask[one],
                        self.kinds[one],
                        self.heat[one],
                        topics[one],
                    ),
                    n_steps=STEPS,
                    internal_batch_size=max(1, MOST_CELLS // self.ids.shape[1]),
                )
                weights[head, row] = found.sum(-1)[0].detach()
        return weights


@contextmanager
def embeddings(network: Network, given: Tensor | None = None) -> Iterator[list[Tensor]]:
    """Lend what the embeddings give in the pass inside; the network then works on `given` instead, where it is."""
    seen: list[Tensor] = []

    def keep(_: Any, __: Any, out: Tensor) -> Tensor | None:
        seen.append(out)
        return given

    handle = network.encoder.embeddings.register_forward_hook(keep)
    try:
        yield seen
    finally:
        handle.remove()


def log_odds(logits: tuple[Tensor, Tensor], topics: Tensor) -> Tensor:
    """Return log-odds (rows, 2): of positive against negative, and of each row's topic against all others."""
    sentiment, topic = logits
    chosen = topics[:, None]
    others = topic.scatter(1, chosen, float("-inf"))
    return torch.stack(
        [sentiment[:, 2] - sentiment[:, 0], topic.gather(1, chosen)[:, 0] - torch.logsumexp(others, 1)], dim=1
    )


def path_points(count: int) -> list[tuple[float, float]]:
    """Return where on the way from 0 to 1 the gradient is taken, and each point's share; one point: the end."""
    if count == 1:
        return [(1.0, 1.0)]
    at, shares = np.polynomial.legendre.leggauss(count)
    return [((float(x) + 1) / 2, float(share) / 2) for x, share in zip(at, shares, strict=True)]


def _captum() -> Callable[..., Any]:
    try:
        from captum.attr import IntegratedGradients
    except ImportError:
        raise ModelError(
            "method integrated needs the package captum: pip install 'barograph[explain]'; path and gradient do not"
        ) from None
    found: Callable[..., Any] = IntegratedGradients
    return found
