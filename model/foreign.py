"""Any encoder of Hugging Face transformers behind the interface of the plain one; what is no BERT needs this."""

from __future__ import annotations

import json
from typing import Any, cast

import torch
from torch import Tensor, nn

from model.errors import ModelError
from model.labels import KINDS


class ForeignEncoder(nn.Module):
    """Token ids, mask and kinds in, hidden states out, through an encoder of transformers.

    Few of them have two token types to tell news from comments by, so the kind is an embedding of its own, zero at
    first, added to the words.
    """

    def __init__(self, description: str, dropout: float = 0.0) -> None:
        """Make an encoder with random weights; `description` is its configuration as transformers writes it."""
        super().__init__()
        import transformers as library

        facts = json.loads(description)
        auto: Any = library.AutoModel
        try:
            config = library.AutoConfig.for_model(
                facts["model_type"], **{k: v for k, v in facts.items() if k != "model_type"}
            )
            for name in ("hidden_dropout_prob", "attention_probs_dropout_prob", "dropout", "attention_dropout"):
                if hasattr(config, name):
                    setattr(config, name, dropout)
            self.model: Any = auto.from_config(config)
        except Exception as exc:  # each architecture raises its own
            raise ModelError(f"encoder {facts.get('model_type')!r}: {str(exc).splitlines()[0]}") from None
        if getattr(self.model, "pooler", None) is not None:
            self.model.pooler = None
        self.kinds = nn.Embedding(len(KINDS), self.hidden_size)
        nn.init.zeros_(self.kinds.weight)

    @property
    def hidden_size(self) -> int:
        """The width of the hidden states."""
        return int(self.words.weight.shape[1])

    @property
    def words(self) -> nn.Embedding:
        """The word embeddings."""
        return cast(nn.Embedding, self.model.get_input_embeddings())

    @property
    def embeddings(self) -> nn.Module:
        """The module whose output is the first hidden state."""
        return cast(nn.Module, getattr(self.model, "embeddings", self.words))

    def set_attn_implementation(self, name: str) -> None:
        """Choose how attention is computed, where the architecture has a choice."""
        self.model.set_attn_implementation(name)

    def forward(self, ids: Tensor, mask: Tensor, types: Tensor) -> Tensor:
        """Return hidden states (batch, tokens, hidden); arguments as the plain encoder takes them."""
        words = self.words(ids)
        words = words + self.kinds(types).to(words.dtype)
        hidden: Tensor = self.model(inputs_embeds=words, attention_mask=mask).last_hidden_state
        return hidden.to(words.dtype) if hidden.dtype != torch.float32 else hidden
