"""How fast the model reads: documents and tokens a second by batch size, on real or made-up text."""

from __future__ import annotations

import argparse
import gzip
import json
import random
import statistics
import time
from pathlib import Path

import torch

from model.classifier import Classifier


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, help="folder of weights; else those shipped")
    parser.add_argument("--texts", type=Path, help="JSON lines with text, gz; else made-up headlines")
    parser.add_argument("--documents", type=int, default=4096)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--threads", type=int, default=0)
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    started = time.perf_counter()
    classifier = Classifier.load(options.model, device=options.device, precision=options.precision)
    print(f"loaded in {time.perf_counter() - started:.2f} s: {classifier.device}, {classifier.precision}")
    texts = read_texts(options.texts, options.documents)
    tokens = sum(classifier.tokens(texts))
    print(f"{len(texts)} documents, {tokens / len(texts):.1f} tokens each")
    print(f"{'batch':>6} {'documents/s':>12} {'tokens/s':>10} {'p50 ms':>8} {'p95 ms':>8}")
    for size in (1, 8, 32, 64, 256, 1024):
        print(line(classifier, texts, tokens, size))


def line(classifier: Classifier, texts: list[str], tokens: int, size: int) -> str:
    """Return one row of the table for batches of `size` documents; at most 60 batches are timed."""
    batches = [texts[start : start + size] for start in range(0, len(texts), size)][:60]
    classifier.read(batches[0], ["news"] * len(batches[0]))
    times = []
    for batch in batches:
        started = time.perf_counter()
        classifier.read(batch, ["news"] * len(batch))
        times.append(time.perf_counter() - started)
    rate = sum(map(len, batches)) / sum(times)
    ordered = sorted(times)
    p95 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    return (
        f"{size:>6} {rate:>12.0f} {rate * tokens / len(texts):>10.0f} "
        f"{statistics.median(times) * 1000:>8.1f} {p95 * 1000:>8.1f}"
    )


def read_texts(path: Path | None, count: int) -> list[str]:
    """Return `count` texts of the file, or made-up ones."""
    if path is None:
        draw = random.Random(0)
        words = ["profit", "falls", "shares", "bank", "rises", "oil", "central", "outlook", "公司", "上涨", "下跌"]
        return [" ".join(draw.choices(words, k=draw.randint(5, 25))) for _ in range(count)]
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(text)["text"] for text, _ in zip(file, range(count), strict=False)]


if __name__ == "__main__":
    main()
