"""How many cores this process' model takes."""

from __future__ import annotations

import torch


def limit_threads(count: int) -> None:
    """Let the model of this process run on `count` cores, at least one; call it before the first reading.

    Unlimited, torch takes every core, and two processes that do so slow each other down far beyond their share.
    """
    torch.set_num_threads(max(1, count))
