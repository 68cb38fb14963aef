"""The network: a BERT encoder (or another of transformers), one attention pooling a task, two linear heads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from model.encoder import Encoder
from model.labels import KINDS, SENTIMENTS, TOPICS

if TYPE_CHECKING:
    from transformers import BertConfig


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of the network; stored in config.json, enough to build it again."""

    vocabulary: int
    hidden: int = 384
    layers: int = 6
    heads: int = 12
    intermediate: int = 1536
    positions: int = 512
    max_tokens: int = 128
    foreign: str = ""  # the configuration of an encoder that is no BERT, as transformers writes it


def bert_config(shape: Shape, dropout: float = 0.0) -> BertConfig:
    """Return the Hugging Face configuration of the encoder; the kind of a document is its token type."""
    from transformers import BertConfig  # takes several times as long to import as torch; serving needs none of it

    return BertConfig(
        vocab_size=shape.vocabulary,
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=shape.intermediate,
        max_position_embeddings=shape.positions,
        type_vocab_size=len(KINDS),
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
    )


class Network(nn.Module):
    """Token ids and kinds in, logits of sentiment and topic out."""

    def __init__(
        self, shape: Shape, dropout: float = 0.1, encoder_dropout: float = 0.0, *, hugging_face: bool = False
    ) -> None:
        """Make a network; `hugging_face` takes its BertModel for the encoder, as training does."""
        super().__init__()
        self.shape = shape
        self.hugging_face = hugging_face and not shape.foreign
        self.encoder: Any = _encoder(shape, encoder_dropout, self.hugging_face)
        self.attention = nn.Linear(shape.hidden, 2, bias=False)
        self.dropout = nn.Dropout(dropout)
        self.sentiment = nn.Linear(shape.hidden, len(SENTIMENTS))
        self.topic = nn.Linear(shape.hidden, len(TOPICS))
        nn.init.zeros_(self.attention.weight)  # starts as mean pooling
        for head in (self.sentiment, self.topic):
            nn.init.normal_(head.weight, std=0.02)
            nn.init.zeros_(head.bias)

    def forward(self, ids: Tensor, mask: Tensor, kinds: Tensor) -> tuple[Tensor, Tensor]:
        """Return sentiment logits (batch, 3) and topic logits (batch, 15).

        Args:
            ids: (batch, tokens) token ids, padded.
            mask: (batch, tokens) 1 on tokens, 0 on padding; each row has a token.
            kinds: (batch,) index into `KINDS`.
        """
        types = kinds[:, None].expand_as(ids)
        hidden = self._hidden(ids, mask, types)
        scores = self.attention(hidden).masked_fill(mask[:, :, None] == 0, float("-inf"))
        pooled = torch.softmax(scores, dim=1).transpose(1, 2).to(hidden.dtype) @ hidden  # (batch, task, hidden)
        pooled = self.dropout(pooled)
        return _head(self.sentiment, pooled[:, 0]), _head(self.topic, pooled[:, 1])

    def _hidden(self, ids: Tensor, mask: Tensor, types: Tensor) -> Tensor:
        if self.hugging_face:
            return cast(Tensor, self.encoder(ids, attention_mask=mask, token_type_ids=types).last_hidden_state)
        return cast(Tensor, self.encoder(ids, mask, types))


def _encoder(shape: Shape, dropout: float, hugging_face: bool) -> nn.Module:
    if shape.foreign:
        from model.foreign import ForeignEncoder

        return ForeignEncoder(shape.foreign, dropout)
    return _bert_model(shape, dropout) if hugging_face else Encoder(shape, len(KINDS))


def _bert_model(shape: Shape, dropout: float) -> nn.Module:
    from transformers import BertModel

    return BertModel(bert_config(shape, dropout), add_pooling_layer=False)  # type: ignore[no-untyped-call]


def _head(linear: nn.Linear, pooled: Tensor) -> Tensor:
    """Return the logits (batch, classes) of a head; as a sum, whose order no batch size can change."""
    return (pooled.float()[:, None, :] * linear.weight.float()).sum(dim=-1) + linear.bias.float()
