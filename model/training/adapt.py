"""Which parameters learn, and how fast: all of them, low-rank additions (LoRA), or the heads alone."""

from __future__ import annotations

import copy
import importlib.util
import re

from torch import nn

from model.errors import ModelError
from model.network import Network
from model.training.config import Finetuning
from model.training.optimizer import Group

_LAYER = re.compile(r"\.(\d+)\.")


def prepare(network: Network, mode: str, config: Finetuning) -> None:
    """Freeze and extend `network` in place, as `mode` says.

    Raises:
        ModelError: LoRA, and peft is not installed.
    """
    if mode == "full":
        return
    for parameter in network.encoder.parameters():
        parameter.requires_grad_(False)
    if mode == "lora":
        _add_lora(network, config)


def plain(network: Network) -> Network:
    """Return `network` where nothing was added to it, else a float32 copy with the additions merged."""
    if not any(hasattr(module, "merge") for module in network.modules()):
        return network
    merged = copy.deepcopy(network).float()
    for name, module in list(merged.named_modules()):
        if hasattr(module, "merge") and hasattr(module, "get_base_layer"):
            module.merge()
            parent, _, last = name.rpartition(".")
            setattr(merged.get_submodule(parent), last, module.get_base_layer())
    return merged


def groups(network: Network, config: Finetuning) -> list[Group]:
    """Return the parameters that learn, with their peak rates: the rate falls by `layer_decay` a layer downwards."""
    found: dict[tuple[float, float], list[nn.Parameter]] = {}
    learning = [(name, p) for name, p in network.encoder.named_parameters() if p.requires_grad]
    depths = [int(match[1]) for name, _ in network.encoder.named_parameters() if (match := _LAYER.search(name))]
    top = max(depths, default=0)
    for name, parameter in learning:
        layer = _LAYER.search(name)
        below = top - int(layer[1]) if layer else top + 1
        if "lora_" in name:
            rate, decay = config.rate_lora, 0.0
        elif layer:
            rate, decay = config.rate_encoder, config.weight_decay if parameter.dim() > 1 else 0.0
        else:
            rate, decay = config.rate_embeddings, 0.0
        found.setdefault((rate * config.layer_decay**below, decay), []).append(parameter)
    heads = [*network.attention.parameters(), *network.sentiment.parameters(), *network.topic.parameters()]
    return [
        *(Group(parameters, rate, decay) for (rate, decay), parameters in found.items()),
        Group(heads, config.rate_heads, config.weight_decay),
    ]


def _add_lora(network: Network, config: Finetuning) -> None:
    if importlib.util.find_spec("peft") is None:
        raise ModelError("mode lora: peft is not installed; expected the extra: pip install 'barograph[train]'")
    from peft import LoraConfig, inject_adapter_in_model

    linear = [name for name, module in network.encoder.named_modules() if isinstance(module, nn.Linear)]
    settings = LoraConfig(
        r=config.lora_rank, lora_alpha=config.lora_alpha, lora_dropout=config.lora_dropout, target_modules=linear
    )
    inject_adapter_in_model(settings, network.encoder)
