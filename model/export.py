"""The network for other runtimes: an ONNX file with its tokenizer and temperatures, and how far it agrees."""

from __future__ import annotations

import json
import logging
import shutil
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import torch

from model import folder
from model.calibration import CALIBRATION
from model.classifier import Reading
from model.errors import ModelError
from model.labels import KINDS, SENTIMENTS, TOPICS
from model.network import Network, Shape
from model.onnx_classifier import EXPORT, FORMAT, ONNX, WHOLE, digest

BATCH: Final = 64
LICENSE: Final = "LICENSE"
INPUTS: Final = ("ids", "mask", "kinds")
OUTPUTS: Final = ("sentiment", "topic")
_NEEDS: Final = "needs the packages onnx, onnxruntime and onnxscript: pip install 'barograph[onnx]'"

Read = Callable[[Sequence[str], Sequence[str]], list[Reading]]


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far one classifier's readings of some texts agree with another's, and how fast it is beside it.

    Attributes:
        same_sentiment, same_topic: share of texts with the same label, in [0, 1].
        most: the greatest difference of any probability.
        speed: the other's time divided by this one's, batches of both read in turn in one run.
    """

    texts: int
    same_sentiment: float
    same_topic: float
    most: float
    speed: float


def export_onnx(source: Path | None, out: Path, *, int8: bool = False) -> list[Path]:
    """Write the model of the folder `source` (None: the shipped one) to the folder `out`; return the ONNX files.

    One for each network of the model, in a folder of its language where there are several, with its tokenizer.
    Beside them: export.json (shapes, labels, hashes), and temperatures and licence where there are.
    `int8` quantises weights, activations as they come.

    Raises:
        ModelError: no usable weights, `out` is their folder, or the packages are not installed.
    """
    source = folder.SHIPPED if source is None else source
    if out.resolve() == source.resolve():
        raise ModelError(f"{out}: holds the weights themselves; expected another folder")
    parts, revision = folder.load_parts(source)
    places = {name: parts[name] for name in folder.languages(source)} or {WHOLE: next(iter(parts.values()))}
    out.mkdir(parents=True, exist_ok=True)
    (out / EXPORT).unlink(missing_ok=True)  # until all of it is there, there is nothing to load
    for place, part in places.items():
        (out / place).mkdir(exist_ok=True)
        _write(part.network, out / place / ONNX)
        if int8:
            _quantise(out / place / ONNX, part.network.shape)
    for name in (*(f"{place}/{folder.TOKENIZER}" for place in places), CALIBRATION, LICENSE):
        (out / name).unlink(missing_ok=True)
        if (source / name).is_file():
            shutil.copyfile(source / name, out / name)
    about = {
        "format": FORMAT,
        "source_revision": revision,
        "weights_sha256": folder.weights_sha256(source),
        "int8": int8,
        "networks": {place: asdict(part.network.shape) for place, part in places.items()},
        "sentiments": SENTIMENTS,
        "topics": TOPICS,
        "kinds": KINDS,
        "sha256": {
            f"{place}/{name}": digest(out / place / name) for place in places for name in (ONNX, folder.TOKENIZER)
        },
    }
    (out / EXPORT).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    return [out / place / ONNX for place in places]


def agreement(reference: Read, other: Read, texts: Sequence[str], kinds: Sequence[str]) -> Agreement:
    """Return how far `other` agrees with `reference` on these texts, at least one."""
    reads = (reference, other)
    found: tuple[list[Reading], list[Reading]] = ([], [])
    taken = [0.0, 0.0]
    for read in reads:
        read(texts[:BATCH], kinds[:BATCH])  # what a first call sets up is nobody's speed
    for start in range(0, len(texts), BATCH):
        part = slice(start, start + BATCH)
        for index, read in enumerate(reads):
            began = time.perf_counter()
            found[index].extend(read(texts[part], kinds[part]))
            taken[index] += time.perf_counter() - began
    pairs = list(zip(*found, strict=True))
    return Agreement(
        texts=len(pairs),
        same_sentiment=sum(a.label == b.label for a, b in pairs) / len(pairs),
        same_topic=sum(a.topic == b.topic for a, b in pairs) / len(pairs),
        most=max(
            abs(x - y)
            for a, b in pairs
            for x, y in zip((*a.sentiment, *a.topics), (*b.sentiment, *b.topics), strict=True)
        ),
        speed=taken[0] / taken[1],
    )


def _write(network: Network, place: Path) -> None:
    ids = torch.ones(2, 8, dtype=torch.long)
    rows, tokens = torch.export.Dim("rows"), torch.export.Dim("tokens", max=network.shape.max_tokens)
    try:
        with _quiet():
            program = torch.onnx.export(
                network,
                (ids, torch.ones_like(ids), torch.tensor([0, 1])),
                input_names=list(INPUTS),
                output_names=list(OUTPUTS),
                dynamic_shapes={"ids": {0: rows, 1: tokens}, "mask": {0: rows, 1: tokens}, "kinds": {0: rows}},
                dynamo=True,
                verbose=False,
            )
            if program is None:
                raise ModelError("torch made no ONNX program")
            program.save(str(place), external_data=False)
    except ImportError:
        raise ModelError(f"export {_NEEDS}") from None


def _quantise(place: Path, shape: Shape) -> None:
    try:
        import onnx
        from onnxruntime.quantization import QuantType, quantize_dynamic
    except ImportError:
        raise ModelError(f"int8 {_NEEDS}") from None
    whole = place.with_suffix(".float32.onnx")
    place.replace(whole)
    try:
        kept = _second_layers(onnx.load(str(whole)).graph, shape)
        with _quiet():
            quantize_dynamic(
                str(whole), str(place), weight_type=QuantType.QInt8, per_channel=True, nodes_to_exclude=kept
            )
    finally:
        whole.unlink()


def _second_layers(graph: Any, shape: Shape) -> list[str]:
    """Return the products that stay exact: the second of each feed-forward part.

    What comes out of the activation before them is lopsided. On 256 invented texts, eight bits everywhere changed the
    topic of 8%, and with these left in float32 of 2%, for 10 MB more.
    """
    wanted = [shape.intermediate, shape.hidden]
    narrow = {tensor.name for tensor in graph.initializer if list(tensor.dims) == wanted}
    return [node.name for node in graph.node if node.op_type == "MatMul" and narrow & set(node.input)]


@contextmanager
def _quiet() -> Iterator[None]:
    """Hold back what the exporters tell their own developers; what goes wrong is raised."""

    def important(record: logging.LogRecord) -> bool:
        return record.levelno >= logging.ERROR

    loggers = [logging.getLogger(name) for name in (None, "torch.onnx._internal.exporter._registration")]
    for logger in loggers:
        logger.addFilter(important)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger in loggers:
            logger.removeFilter(important)


def size_bytes(path: Path) -> int:
    """Return the size of a folder's model files, ONNX or safetensors."""
    return sum(found.stat().st_size for name in (ONNX, folder.WEIGHTS) for found in path.rglob(name))
