"""Size, speed and accuracy of the model's variants in one run: torch in float32 and bfloat16, ONNX, ONNX in eight bits.

Speed is the time of torch in float32 on the same texts, read in turn, divided by the variant's. Accuracy is on
held-out rows where the labelled data is here; else how often a label is that of torch in float32.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from bench.texts import data_folder, documents
from model import folder
from model.classifier import Classifier
from model.evaluation.measure import answers
from model.export import Agreement, Read, agreement, export_onnx, size_bytes
from model.onnx_classifier import OnnxClassifier
from model.training.rows import Row, read_labelled
from model.training.run import split_rows


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to run the model."""

    name: str
    read: Read
    size_bytes: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, help="folder of weights; else those shipped")
    parser.add_argument("--texts", type=int, default=1024, help="compared for agreement and speed")
    parser.add_argument("--rows", type=int, default=1500, help="held-out rows for accuracy, drawn with seed 0")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    path = options.model or folder.SHIPPED
    data = data_folder()
    rows = held_out(data, options.rows)
    read = documents(options.texts)
    texts, kinds = [str(row["text"]) for row in read], [str(row["kind"]) for row in read]
    print(f"{len(texts)} texts, {len(rows)} held-out rows, {options.threads} threads")
    print(f"{'variant':<16} {'MB':>6} {'speed':>6} {'sentiment':>10} {'topic':>7} {'most':>8} {'accuracy':>9}")
    with tempfile.TemporaryDirectory() as scratch:
        precise, *others = variants(path, Path(scratch), options.threads)
        print(line(precise, Agreement(len(texts), 1.0, 1.0, 0.0, 1.0), rows))
        for one in others:
            print(line(one, agreement(precise.read, one.read, texts, kinds), rows))


def variants(path: Path, scratch: Path, threads: int) -> Iterator[Variant]:
    """Yield the variants, torch in float32 first."""
    for precision in ("float32", "bfloat16"):
        classifier = Classifier.load(path, device="cpu", precision=precision)
        yield Variant(f"torch {precision}", classifier.read, size_bytes(path))
    for name, int8 in (("float32", False), ("int8", True)):
        export_onnx(path, scratch / name, int8=int8)
        yield Variant(f"onnx {name}", OnnxClassifier.load(scratch / name, threads).read, size_bytes(scratch / name))


def held_out(data: Path, most: int) -> list[Row]:
    """Return so many rows of the held-out fifth; none where there is no labelled data."""
    if not (data / "labelled").is_dir():
        return []
    _, held = split_rows(read_labelled(data / "labelled"), 0, 0)
    return random.Random(0).sample(held, min(most, len(held)))


def line(variant: Variant, found: Agreement, rows: list[Row]) -> str:
    """Return one row of the table."""
    right = answers(variant.read, rows)
    accuracy = f"{sum(one.truth == one.label for one in right) / len(right):.3f}" if right else "-"
    return (
        f"{variant.name:<16} {variant.size_bytes / 1e6:>6.1f} {found.speed:>6.2f} {found.same_sentiment:>10.1%} "
        f"{found.same_topic:>7.1%} {found.most:>8.2g} {accuracy:>9}"
    )


if __name__ == "__main__":
    main()
