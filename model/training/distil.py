"""Fewer layers, taught by the network they were taken from.

References:
    Hinton, Vinyals & Dean (2015), Distilling the knowledge in a neural network.
    Sanh et al. (2019), DistilBERT: a student of every second layer.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from model.errors import ModelError
from model.network import Network

PREFIX = "encoder.encoder.layer."


def shallower(network: Network, layers: int, dropout: float, encoder_dropout: float) -> Network:
    """Return a network of so many of the layers of `network`, evenly spaced and the last among them.

    Raises:
        ModelError: there are not so many, or the encoder is no BERT.
    """
    shape = network.shape
    if shape.foreign or not 0 < layers <= shape.layers:
        kind = "an encoder of another kind than BERT" if shape.foreign else f"{shape.layers} layers"
        raise ModelError(f"layers = {layers} of {kind}; expected 1 to {shape.layers} of a BERT")
    kept = [round((place + 1) * shape.layers / layers) - 1 for place in range(layers)]
    student = Network(replace(shape, layers=layers), dropout, encoder_dropout, hugging_face=network.hugging_face)
    state = {}
    for name, value in network.state_dict().items():
        if not name.startswith(PREFIX):
            state[name] = value
            continue
        layer, _, rest = name.removeprefix(PREFIX).partition(".")
        if int(layer) in kept:
            state[f"{PREFIX}{kept.index(int(layer))}.{rest}"] = value
    student.load_state_dict(state)
    return student


def taught_loss(logits: tuple[Tensor, Tensor], lesson: tuple[Tensor, Tensor], temperature: float) -> Tensor:
    """Return how far the student's readings are from the teacher's: mean over rows, both heads, in nats.

    Args:
        logits: the student's, (rows, 3) and (rows, 15).
        lesson: the teacher's, of the same shapes.
        temperature: above 0; what softens both, and whose square keeps the gradient's size.
    """
    total = torch.zeros((), device=logits[0].device)
    for ours, theirs in zip(logits, lesson, strict=True):
        target = torch.log_softmax(theirs.float() / temperature, dim=1)
        found = torch.log_softmax(ours.float() / temperature, dim=1)
        total = total + nn.functional.kl_div(found, target, reduction="batchmean", log_target=True)
    return total * temperature**2
