"""The loss of one head: cross-entropy over the classes a source can have, for any accepted answer."""

from __future__ import annotations

import torch
from torch import Tensor


def masked_cross_entropy(logits: Tensor, accepted: Tensor, possible: Tensor, smoothing: Tensor) -> Tensor:
    """Return the loss of each row, shape (rows,).

    A class that is not possible takes no part: its logit gets no gradient at all, so a source without
    neutral rows does not push neutral down. Where several answers are accepted the loss is minus the
    logarithm of their summed probability.

    Args:
        logits: (rows, classes), any float type.
        accepted: (rows, classes) bool, at least one a row, within `possible`.
        possible: (rows, classes) bool, at least one a row.
        smoothing: (rows,) share of the target spread evenly over the possible classes, in [0, 1).
    """
    logits = logits.float().masked_fill(~possible, float("-inf"))
    log_all = torch.logsumexp(logits, dim=1)
    log_accepted = torch.logsumexp(logits.masked_fill(~accepted, float("-inf")), dim=1)
    hit = log_all - log_accepted
    spread = log_all - logits.masked_fill(~possible, 0.0).sum(dim=1) / possible.sum(dim=1)
    return (1 - smoothing) * hit + smoothing * spread
