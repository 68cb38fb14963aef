"""The encoder in plain torch against Hugging Face's."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from model.encoder import Encoder, initialise
from model.network import Shape, bert_config

SHAPE = Shape(vocabulary=50, hidden=24, layers=3, heads=4, intermediate=48, positions=40)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_hidden_states_are_those_of_hugging_face(dtype: torch.dtype) -> None:
    from transformers import BertModel

    torch.manual_seed(1)
    oracle: Any = BertModel(bert_config(SHAPE), add_pooling_layer=False)  # type: ignore[no-untyped-call]
    oracle = oracle.to(dtype).eval()
    ours = Encoder(SHAPE, types=2).to(dtype).eval()
    missing, unexpected = ours.load_state_dict(oracle.state_dict(), strict=False)
    assert missing == [] and set(unexpected) <= {"embeddings.position_ids", "embeddings.token_type_ids"}
    ids = torch.randint(1, 50, (5, 17))
    lengths = torch.tensor([17, 1, 9, 16, 3])
    mask = (torch.arange(17)[None] < lengths[:, None]).long()
    types = torch.tensor([0, 1, 0, 1, 1])[:, None].expand_as(ids)
    with torch.inference_mode():
        expected = oracle(ids, attention_mask=mask, token_type_ids=types).last_hidden_state
        found = ours(ids, mask, types)
    tolerance = 1e-12 if dtype == torch.float64 else 2e-6
    assert (found - expected)[mask.bool()].abs().max() < tolerance


def test_a_new_encoder_is_drawn_like_bert_and_its_padding_is_zero() -> None:
    torch.manual_seed(1)
    encoder = Encoder(SHAPE, types=2)
    initialise(encoder)
    weights = encoder.embeddings.word_embeddings.weight
    assert weights[0].abs().max() == 0
    assert weights[1:].std().item() == pytest.approx(0.02, rel=0.1)
