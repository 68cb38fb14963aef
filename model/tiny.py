"""A tiny random model, for tests that need a loadable folder of weights and no download."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from model import folder
from model.encoder import initialise
from model.network import Network, Shape

UNKNOWN = "[UNK]"
FRAME = ("[PAD]", UNKNOWN, "[CLS]", "[SEP]", "[MASK]")
ENGLISH = "abcdefghijklmnopqrstuvwxyz0123456789"
SIGNS = "$%@#!?.,:;'\"()-+/&"
CHINESE = "股市涨跌停利好空公司业绩增长下降亏损盈银行央行降息加息上大中国美元新不的了是"


def build_tokenizer(vocabulary: list[str]) -> Tokenizer:
    """Return a BERT WordPiece tokenizer (lower case, Chinese by characters) over `vocabulary`, ids in its order."""
    ids = {token: index for index, token in enumerate(vocabulary)}
    tokenizer = Tokenizer(models.WordPiece(ids, **{"unk_token": UNKNOWN}))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    start, end = vocabulary.index("[CLS]"), vocabulary.index("[SEP]")
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", end), ("[CLS]", start))
    tokenizer.add_special_tokens(list(FRAME))
    return tokenizer


def make_tiny(path: Path, seed: int = 0) -> Path:
    """Write a random model of a few kilobytes to the folder `path`, and return `path`.

    The same seed gives the same weights; its readings are meaningless, and differ from text to text.
    """
    singles = [*ENGLISH, *SIGNS, *dict.fromkeys(CHINESE)]
    tokenizer = build_tokenizer([*FRAME, *singles, *(f"##{letter}" for letter in ENGLISH)])
    shape = Shape(
        vocabulary=tokenizer.get_vocab_size(),
        hidden=16, layers=1, heads=2, intermediate=32, positions=64, max_tokens=64,
    )  # fmt: skip
    generator = torch.Generator().manual_seed(seed)
    network = Network(shape)
    initialise(network.encoder)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.dim() > 1:  # norms and biases stay as they start
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.6)
    folder.save(path, network, tokenizer)
    return path
