"""A folder of weights on disk: model.safetensors (bfloat16), config.json, tokenizer.json; never a pickle.

Beside them may lie what was measured on them: calibration.json (temperatures), confusion.json, reference.json.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer

from model.calibration import CALIBRATION, Calibration, read_calibration
from model.errors import ModelError
from model.labels import KINDS, SENTIMENTS, TOPICS
from model.network import Network, Shape
from model.tokens import load_tokenizer

WEIGHTS = "model.safetensors"
CONFIG = "config.json"
TOKENIZER = "tokenizer.json"
CONFUSION = "confusion.json"
REFERENCE = "reference.json"
MEASURED = (CALIBRATION, CONFUSION, REFERENCE)
SHIPPED = Path(__file__).parent / "weights"
FORMAT = 1


def labels_digest() -> str:
    """Return the hash of the label lists and their order."""
    return hashlib.sha256(json.dumps([SENTIMENTS, TOPICS, KINDS]).encode()).hexdigest()


def save(path: Path, network: Network, tokenizer: Tokenizer) -> str:
    """Write the network in bfloat16 and its tokenizer to the folder `path`; return the revision.

    The configuration, which names the hashes of the other two files, is replaced last. What was measured on
    other weights that lay there goes.
    """
    path.mkdir(parents=True, exist_ok=True)
    for name in MEASURED:
        (path / name).unlink(missing_ok=True)
    state = {name: value.detach().to("cpu", torch.bfloat16).contiguous() for name, value in _parameters(network)}
    save_file(state, path / f"{WEIGHTS}.part", metadata={"format": "pt"})
    (path / f"{TOKENIZER}.part").write_text(_plain(tokenizer), encoding="utf-8")
    for name in (WEIGHTS, TOKENIZER):
        (path / f"{name}.part").chmod(0o644)  # safetensors makes files for their owner only
        (path / f"{name}.part").replace(path / name)
    hashes = {name: _digest(path / name) for name in (WEIGHTS, TOKENIZER)}
    config = {
        "format": FORMAT,
        "shape": asdict(network.shape),
        "sentiments": SENTIMENTS,
        "topics": TOPICS,
        "kinds": KINDS,
        "sha256": hashes,
    }
    (path / f"{CONFIG}.part").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    (path / f"{CONFIG}.part").replace(path / CONFIG)
    return _revision(hashes, None)


def load(path: Path, *, calibrated: bool = True) -> tuple[Network, Tokenizer, str]:
    """Return the network (float32, in evaluation mode), its tokenizer and the revision.

    The revision is that of calibrated readings where the folder has temperatures, unless `calibrated` is False.

    Raises:
        ModelError: the folder is missing, incomplete, damaged, or made for other labels.
    """
    config = _read_config(path)
    hashes = {name: _checked(path, name, config) for name in (WEIGHTS, TOKENIZER)}
    try:
        shape = Shape(**config["shape"])
        network = Network(shape, dropout=0.0)
        state = {name: value.float() for name, value in load_file(path / WEIGHTS).items()}
        missing, unexpected = network.load_state_dict(state, strict=False)
    except Exception as exc:  # safetensors, torch and transformers each raise their own
        raise ModelError(f"{path}: weights and {CONFIG} do not fit: {str(exc).splitlines()[0]}") from None
    expected = {name for name, _ in _parameters(network)}
    if unexpected or expected & set(missing):
        raise ModelError(f"{path / WEIGHTS}: tensors missing or unknown: {sorted({*missing, *unexpected} & expected)}")
    tokenizer = load_tokenizer(path / TOKENIZER, shape.max_tokens)
    if tokenizer.get_vocab_size() != shape.vocabulary:
        found = tokenizer.get_vocab_size()
        raise ModelError(f"{path / TOKENIZER}: {found} tokens; the network has {shape.vocabulary}")
    temperatures = read_calibration(path, hashes[WEIGHTS]) if calibrated else None
    return network.eval(), tokenizer, _revision(hashes, temperatures)


def calibration(path: Path) -> Calibration | None:
    """Return the temperatures of the folder `path`, or None where it has none; ModelError where they do not fit."""
    return read_calibration(path, weights_sha256(path))


def weights_sha256(path: Path) -> str:
    """Return the hash of the weights as the configuration of the folder `path` states it."""
    return str((_read_config(path).get("sha256") or {}).get(WEIGHTS))


def revision(path: Path) -> str:
    """Return the revision of the folder `path` without loading it; ModelError where there is no model."""
    hashes = {name: str((_read_config(path).get("sha256") or {}).get(name)) for name in (WEIGHTS, TOKENIZER)}
    return _revision(hashes, read_calibration(path, hashes[WEIGHTS]))


def _plain(tokenizer: Tokenizer) -> str:
    copy = Tokenizer.from_str(tokenizer.to_str())
    copy.no_truncation()  # how far to cut belongs to the network's shape, not to the file
    copy.no_padding()
    return str(copy.to_str())


def _parameters(network: Network) -> list[tuple[str, torch.nn.Parameter]]:
    return list(network.named_parameters())


def _read_config(path: Path) -> dict[str, Any]:
    try:
        config = json.loads((path / CONFIG).read_text(encoding="utf-8"))
    except OSError:
        raise ModelError(f"{path}: no model here; expected {CONFIG}, {WEIGHTS} and {TOKENIZER}") from None
    except ValueError as exc:
        raise ModelError(f"{path / CONFIG}: not JSON: {exc}") from None
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        raise ModelError(f"{path / CONFIG}: format {_format(config)}; this version reads {FORMAT}")
    for name, ours in (("sentiments", SENTIMENTS), ("topics", TOPICS), ("kinds", KINDS)):
        if config.get(name) != list(ours):
            raise ModelError(f"{path / CONFIG}: {name} {config.get(name)}; this version reads {list(ours)}")
    return config


def _format(config: object) -> object:
    return config.get("format") if isinstance(config, dict) else None


def _checked(path: Path, name: str, config: dict[str, Any]) -> str:
    if not (path / name).is_file():
        raise ModelError(f"{path / name}: no such file; the folder is incomplete")
    found, stated = _digest(path / name), (config.get("sha256") or {}).get(name)
    if found != stated:
        raise ModelError(f"{path / name}: damaged: sha256 {found[:12]}…; {CONFIG} says {str(stated)[:12]}…")
    return found


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _revision(hashes: dict[str, str], temperatures: Calibration | None) -> str:
    """Return the hash of all that decides a reading: weights, tokenizer, labels, and temperatures where there are."""
    parts = [hashes[WEIGHTS], hashes[TOKENIZER], labels_digest()]
    if temperatures is not None:
        parts.append(temperatures.digest())
    return hashlib.sha256("".join(parts).encode()).hexdigest()[:16]
