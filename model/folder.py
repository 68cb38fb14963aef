"""A folder of weights on disk: model.safetensors, config.json, tokenizer.json; never a pickle.

A model of several networks has one such folder for each language, and beside these a config.json that names them and
the hashes of what is in them. Beside either may lie what was measured on the whole: calibration.json (temperatures),
confusion.json, reference.json.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer

from model import revision as revisions
from model.calibration import CALIBRATION, LANGUAGES, Calibration, read_calibration
from model.errors import ModelError
from model.labels import KINDS, SENTIMENTS, TOPICS
from model.network import Network, Shape
from model.parts import Part, whole
from model.storage import Storage, packed, unpacked
from model.tokens import load_tokenizer

CONFIG, TOKENIZER, WEIGHTS = revisions.CONFIG, revisions.TOKENIZER, revisions.WEIGHTS
CONFUSION = "confusion.json"
REFERENCE = "reference.json"
MEASURED = (CALIBRATION, CONFUSION, REFERENCE)
SHIPPED = Path(__file__).parent / "weights"
FORMAT = 1
FORMAT_OF_PARTS = 2


def save(path: Path, network: Network, tokenizer: Tokenizer, storage: Storage = "bfloat16") -> str:
    """Write the network and its tokenizer to the folder `path`; return the revision.

    The configuration, which names the hashes of the other two files, is replaced last. What was measured on
    other weights that lay there goes.
    """
    path.mkdir(parents=True, exist_ok=True)
    for name in MEASURED:
        (path / name).unlink(missing_ok=True)
    state = packed(dict(_parameters(network)), storage)
    save_file(state, path / f"{WEIGHTS}.part", metadata={"format": "pt"})
    (path / f"{TOKENIZER}.part").write_text(_plain(tokenizer), encoding="utf-8")
    for name in (WEIGHTS, TOKENIZER):
        (path / f"{name}.part").chmod(0o644)  # safetensors makes files for their owner only
        (path / f"{name}.part").replace(path / name)
    hashes = {name: _digest(path / name) for name in (WEIGHTS, TOKENIZER)}
    _write_config(path, {"format": FORMAT, "shape": asdict(network.shape), **_labels(), "sha256": hashes})
    return revisions.of(hashes, None)


def join(path: Path, folders: Mapping[str, Path], storage: Storage | None = None) -> str:
    """Write a model of one network a language, each out of a folder of weights; return the revision.

    The files are copied as they are, or written anew where a `storage` is named.

    Raises:
        ModelError: a folder is no model of one network, or `path` is one of them.
    """
    for language, source in folders.items():
        if path.resolve() in (source.resolve(), source.resolve().parent):
            raise ModelError(f"{path}: holds the weights of {language}; expected another folder")
        config = _read_config(source)
        if config["format"] != FORMAT:
            raise ModelError(f"{source}: has networks of its own for each language; expected one of them")
        for name in (WEIGHTS, TOKENIZER):
            _checked(source, name, config)
    for name in (*MEASURED, WEIGHTS, TOKENIZER, CONFIG):
        (path / name).unlink(missing_ok=True)
    hashes: dict[str, str] = {}
    for language, source in folders.items():
        (path / language).mkdir(parents=True, exist_ok=True)
        if storage is not None:
            save(path / language, *load(source, calibrated=False)[:2], storage)
        else:
            for name in (WEIGHTS, TOKENIZER, CONFIG):
                shutil.copyfile(source / name, path / language / name)
        hashes |= {f"{language}/{name}": found for name, found in _hashes(_read_config(path / language)).items()}
    _write_config(path, {"format": FORMAT_OF_PARTS, "languages": sorted(folders), **_labels(), "sha256": hashes})
    return revisions.of(hashes, None)


def languages(path: Path) -> tuple[str, ...]:
    """Return the languages that have a network of their own; none where one network reads all."""
    config = _read_config(path)
    return tuple(config["languages"]) if config["format"] == FORMAT_OF_PARTS else ()


def load_parts(path: Path, *, calibrated: bool = True) -> tuple[dict[str, Part], str]:
    """Return the networks of a folder by language, and the revision; one network that reads all is under each.

    Raises:
        ModelError: as `load`, of any of the parts, or they are not those that the folder names.
    """
    own = languages(path)
    if not own:
        network, tokenizer, revised = load(path, calibrated=calibrated)
        return whole(network, tokenizer), revised
    stated = _read_config(path)["sha256"]
    parts: dict[str, Part] = {}
    for language in own:
        parts[language] = Part(*load(path / language, calibrated=False)[:2])
        for name, found in _hashes(_read_config(path / language)).items():
            if stated.get(f"{language}/{name}") != found:
                raise ModelError(f"{path / language / name}: not the file that {path / CONFIG} names")
    temperatures = read_calibration(path, revisions.weights(stated)) if calibrated else None
    return parts, _revision(stated, temperatures)


def load(path: Path, *, calibrated: bool = True) -> tuple[Network, Tokenizer, str]:
    """Return the network (float32, in evaluation mode), its tokenizer and the revision.

    The revision is that of calibrated readings where the folder has temperatures, unless `calibrated` is False.

    Raises:
        ModelError: the folder is missing, incomplete, damaged, made for other labels, or has several networks.
    """
    config = _read_config(path)
    if config["format"] != FORMAT:
        raise ModelError(f"{path}: has a network for each of {', '.join(config['languages'])}; expected one of those")
    hashes = {name: _checked(path, name, config) for name in (WEIGHTS, TOKENIZER)}
    try:
        shape = Shape(**config["shape"])
        network = Network(shape, dropout=0.0)
        state = unpacked(load_file(path / WEIGHTS))
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
    temperatures = read_calibration(path, revisions.weights(hashes)) if calibrated else None
    return network.eval(), tokenizer, _revision(hashes, temperatures)


def calibration(path: Path) -> Calibration | None:
    """Return the temperatures of the folder `path`, or None where it has none; ModelError where they do not fit."""
    return read_calibration(path, weights_sha256(path))


def weights_sha256(path: Path) -> str:
    """Return the hash of the weights as the configuration of the folder `path` states it."""
    return revisions.weights(_hashes(_read_config(path)))


def revision(path: Path) -> str:
    """Return the revision of the folder `path` without loading it; ModelError where there is no model."""
    hashes = _hashes(_read_config(path))
    return _revision(hashes, read_calibration(path, revisions.weights(hashes)))


def _labels() -> dict[str, Any]:
    return {"sentiments": SENTIMENTS, "topics": TOPICS, "kinds": KINDS}


def _write_config(path: Path, config: dict[str, Any]) -> None:
    (path / f"{CONFIG}.part").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    (path / f"{CONFIG}.part").replace(path / CONFIG)


def _hashes(config: dict[str, Any]) -> dict[str, str]:
    return {name: str(found) for name, found in config["sha256"].items()}


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
    if not isinstance(config, dict) or config.get("format") not in (FORMAT, FORMAT_OF_PARTS):
        raise ModelError(
            f"{path / CONFIG}: format {_format(config)}; this version reads {FORMAT} and {FORMAT_OF_PARTS}"
        )
    for name, ours in (("sentiments", SENTIMENTS), ("topics", TOPICS), ("kinds", KINDS)):
        if config.get(name) != list(ours):
            raise ModelError(f"{path / CONFIG}: {name} {config.get(name)}; this version reads {list(ours)}")
    if config["format"] == FORMAT_OF_PARTS and sorted(config.get("languages") or ()) != sorted(LANGUAGES):
        raise ModelError(f"{path / CONFIG}: languages {config.get('languages')}; expected {', '.join(LANGUAGES)}")
    if not isinstance(config.get("sha256"), dict):
        raise ModelError(f"{path / CONFIG}: no hashes of {WEIGHTS} and {TOKENIZER}")
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


def _revision(hashes: Mapping[str, str], temperatures: Calibration | None) -> str:
    """Return the hash of all that decides a reading: weights, tokenizer, labels, and temperatures where there are."""
    return revisions.of(hashes, None if temperatures is None else temperatures.digest())
