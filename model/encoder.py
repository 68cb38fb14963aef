"""A BERT encoder in plain torch, its parameters named as Hugging Face names them.

Serving needs nothing else of transformers, whose import alone takes several times as long as torch's: a
worker that was killed is back that much sooner. `BertModel` is the oracle of the tests.
"""

from __future__ import annotations

from typing import Protocol, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

NORM_EPS = 1e-12


class Sizes(Protocol):
    """What an encoder needs to know of its shape."""

    @property
    def vocabulary(self) -> int: ...
    @property
    def hidden(self) -> int: ...
    @property
    def layers(self) -> int: ...
    @property
    def heads(self) -> int: ...
    @property
    def intermediate(self) -> int: ...
    @property
    def positions(self) -> int: ...


class Encoder(nn.Module):
    """Token ids, mask and token types in, hidden states out.

    References:
        Devlin et al. (2019), BERT: pre-training of deep bidirectional transformers.
    """

    def __init__(self, sizes: Sizes, types: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.embeddings = _Embeddings(sizes, types, dropout)
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList(_Layer(sizes, dropout) for _ in range(sizes.layers))})

    def forward(self, ids: Tensor, mask: Tensor, types: Tensor) -> Tensor:
        """Return hidden states (batch, tokens, hidden).

        Args:
            ids: (batch, tokens) token ids, padded.
            mask: (batch, tokens) 1 on tokens, 0 on padding.
            types: (batch, tokens) token types.
        """
        hidden: Tensor = self.embeddings(ids, types)
        seen = mask[:, None, None, :].bool()
        for layer in cast(nn.ModuleList, self.encoder["layer"]):
            hidden = layer(hidden, seen)
        return hidden


class _Embeddings(nn.Module):
    def __init__(self, sizes: Sizes, types: int, dropout: float) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(sizes.vocabulary, sizes.hidden, padding_idx=0)
        self.position_embeddings = nn.Embedding(sizes.positions, sizes.hidden)
        self.token_type_embeddings = nn.Embedding(types, sizes.hidden)
        self.LayerNorm = nn.LayerNorm(sizes.hidden, eps=NORM_EPS)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids: Tensor, types: Tensor) -> Tensor:
        positions = self.position_embeddings.weight[: ids.shape[1]]
        summed = self.word_embeddings(ids) + self.token_type_embeddings(types) + positions
        hidden: Tensor = self.dropout(self.LayerNorm(summed))
        return hidden


class _SelfAttention(nn.Module):
    def __init__(self, sizes: Sizes, dropout: float) -> None:
        super().__init__()
        self.query = nn.Linear(sizes.hidden, sizes.hidden)
        self.key = nn.Linear(sizes.hidden, sizes.hidden)
        self.value = nn.Linear(sizes.hidden, sizes.hidden)
        self._heads = sizes.heads
        self._dropout = dropout

    def forward(self, hidden: Tensor, seen: Tensor) -> Tensor:
        query, key, value = (
            part(hidden).unflatten(-1, (self._heads, -1)).transpose(1, 2) for part in (self.query, self.key, self.value)
        )  # each (batch, heads, tokens, hidden / heads)
        mixed = functional.scaled_dot_product_attention(
            query, key, value, attn_mask=seen, dropout_p=self._dropout if self.training else 0.0
        )
        return mixed.transpose(1, 2).flatten(2)


class _Added(nn.Module):
    """A dense layer, added to what it came from, normalised."""

    def __init__(self, width: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.dense = nn.Linear(width, hidden)
        self.LayerNorm = nn.LayerNorm(hidden, eps=NORM_EPS)
        self.dropout = nn.Dropout(dropout)

    def forward(self, inner: Tensor, hidden: Tensor) -> Tensor:
        added: Tensor = self.LayerNorm(self.dropout(self.dense(inner)) + hidden)
        return added


class _Layer(nn.Module):
    def __init__(self, sizes: Sizes, dropout: float) -> None:
        super().__init__()
        self.attention = nn.ModuleDict(
            {"self": _SelfAttention(sizes, dropout), "output": _Added(sizes.hidden, sizes.hidden, dropout)}
        )
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(sizes.hidden, sizes.intermediate)})
        self.output = _Added(sizes.intermediate, sizes.hidden, dropout)

    def forward(self, hidden: Tensor, seen: Tensor) -> Tensor:
        hidden = self.attention["output"](self.attention["self"](hidden, seen), hidden)
        inner = functional.gelu(self.intermediate["dense"](hidden))
        out: Tensor = self.output(inner, hidden)
        return out


def initialise(module: nn.Module, std: float = 0.02) -> None:
    """Draw the weights of a new encoder as BERT's were drawn; biases zero, norms one."""
    for part in module.modules():
        if isinstance(part, nn.Linear | nn.Embedding):
            nn.init.normal_(part.weight, std=std)
            if isinstance(part, nn.Linear) and part.bias is not None:
                nn.init.zeros_(part.bias)
            if isinstance(part, nn.Embedding) and part.padding_idx is not None:
                with torch.no_grad():
                    part.weight[part.padding_idx].zero_()
