"""An exported model read by another runtime: the same readings, or it is not called an export."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from model import folder
from model.calibration import CALIBRATION
from model.classifier import Classifier, Reading
from model.errors import ModelError
from model.export import agreement, export_onnx, size_bytes
from model.labels import TOPICS
from model.onnx_classifier import EXPORT, ONNX, OnnxClassifier
from model.tiny import make_tiny

pytest.importorskip("onnxscript", reason="the extra onnx is not installed")
pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
pytestmark = pytest.mark.timeout(300)

TEXTS = [
    "profit up 3%",
    "公司业绩下降",
    "",
    "stock down! " * 40,
    "a\ud800\x00b",
    "银行降息",
    "up",
    "down down down",
] * 3
KINDS = ["news", "comment"] * 12


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = make_tiny(tmp_path_factory.mktemp("tiny"))
    heat = {"sentiment": {"en": 2.0, "zh": 0.5}, "topic": {"en": 1.5, "zh": 0.8}}
    record = {"schema": 1, "weights_sha256": folder.weights_sha256(path), "temperatures": heat}
    (path / CALIBRATION).write_text(json.dumps(record))
    (path / "LICENSE").write_text("invented")
    return path


@pytest.fixture(scope="module")
def original(tiny: Path) -> Classifier:
    return Classifier.load(tiny, device="cpu", precision="float32")


@pytest.fixture(scope="module")
def exported(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("export") / "deep" / "onnx"
    assert export_onnx(tiny, out) == [out / ONNX]
    return out


def test_it_reads_the_same_whatever_the_batch_and_the_length(original: Classifier, exported: Path) -> None:
    again = OnnxClassifier.load(exported, threads=1)
    found = agreement(original.read, again.read, TEXTS, KINDS)
    assert (found.texts, found.same_sentiment, found.same_topic) == (24, 1.0, 1.0)
    assert found.most < 1e-5 and found.speed > 0
    for text, kind in zip(TEXTS[:8], KINDS[:8], strict=True):
        (one,), (ours,) = again.read([text], [kind]), original.read([text], [kind])
        assert one.sentiment == pytest.approx(ours.sentiment, abs=1e-5)
    assert again.read([], []) == []
    with pytest.raises(ValueError, match="expected one of"):
        again.read(["x"], ["rumour"])


def test_the_folder_is_whole_and_names_what_it_came_from(original: Classifier, exported: Path) -> None:
    assert {path.name for path in exported.iterdir()} == {ONNX, EXPORT, folder.TOKENIZER, CALIBRATION, "LICENSE"}
    about = json.loads((exported / EXPORT).read_text())
    assert about["source_revision"] == original.revision
    # Its digits differ from the original's, and so must its name.
    assert OnnxClassifier.load(exported).revision != original.revision
    assert size_bytes(exported) == (exported / ONNX).stat().st_size


def test_eight_bits_read_nearly_the_same_under_a_name_of_their_own(
    tiny: Path, original: Classifier, exported: Path, tmp_path: Path
) -> None:
    export_onnx(tiny, tmp_path / "small", int8=True)
    small = OnnxClassifier.load(tmp_path / "small", threads=1)
    assert size_bytes(tmp_path / "small") < size_bytes(exported)
    assert small.revision != OnnxClassifier.load(exported).revision
    found = agreement(original.read, small.read, TEXTS, KINDS)
    assert 0 < found.most < 0.3
    assert {path.name for path in (tmp_path / "small").glob("*.onnx")} == {ONNX}


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: (path / EXPORT).unlink(), "no whole export"),
        (lambda path: (path / ONNX).unlink(), "no whole export"),
        (lambda path: (path / ONNX).write_bytes(b"x"), "damaged"),
        (lambda path: (path / EXPORT).write_text("[]"), "not written by"),
        (lambda path: (path / EXPORT).write_text('{"format": 9}'), "format 9"),
    ],
)
def test_what_is_no_whole_export_is_refused_in_one_line(
    exported: Path, tmp_path: Path, damage: Callable[[Path], object], message: str
) -> None:
    shutil.copytree(exported, tmp_path / "copy")
    damage(tmp_path / "copy")
    with pytest.raises(ModelError, match=message) as caught:
        OnnxClassifier.load(tmp_path / "copy")
    assert "\n" not in str(caught.value)


def test_the_weights_own_folder_is_never_written_over(tiny: Path) -> None:
    with pytest.raises(ModelError, match="expected another folder"):
        export_onnx(tiny, tiny / ".." / tiny.name)


def test_agreement_counts_labels_and_finds_the_greatest_difference() -> None:
    def reads(*sentiments: tuple[float, float, float]) -> Callable[[Sequence[str], Sequence[str]], list[Reading]]:
        topics = (1.0,) + (0.0,) * (len(TOPICS) - 1)
        by_text = {str(i): Reading(one, topics) for i, one in enumerate(sentiments)}
        return lambda texts, _: [by_text[text] for text in texts]

    ours = reads((0.8, 0.1, 0.1), (0.1, 0.8, 0.1), (0.4, 0.35, 0.25), (0.2, 0.2, 0.6))
    theirs = reads((0.7, 0.2, 0.1), (0.1, 0.8, 0.1), (0.35, 0.4, 0.25), (0.2, 0.2, 0.6))
    found = agreement(ours, theirs, ["0", "1", "2", "3"], ["news"] * 4)
    assert (found.texts, found.same_sentiment, found.same_topic) == (4, 0.75, 1.0)
    assert found.most == pytest.approx(0.1)
