from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model import folder
from model.calibration import CALIBRATION, Calibration, as_json, written_in
from model.classifier import Classifier, ModelError, Reading
from model.tiny import make_tiny
from stream.core.documents import language

TEXTS = ["profit up 3%", "公司业绩下降", "", "stock down! " * 20, "银行降息 bank", "up", "下降下降", "the 银 of stocks"]
KINDS = ["news", "comment"] * 4
HEAT = Calibration({"en": 2.0, "zh": 0.5}, {"en": 1.5, "zh": 3.0})


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def copy(tiny: Path, tmp_path: Path) -> Path:
    shutil.copytree(tiny, tmp_path / "copy")
    return tmp_path / "copy"


def put(path: Path, calibration: Calibration = HEAT, weights: str | None = None) -> None:
    record = as_json(calibration, weights or folder.weights_sha256(path))
    (path / CALIBRATION).write_text(json.dumps(record), encoding="utf-8")


def read(path: Path, *, calibrated: bool = True) -> list[Reading]:
    loaded = Classifier.load(path, device="cpu", precision="float32", calibrated=calibrated)
    return loaded.read(TEXTS, KINDS)


def heated(chances: tuple[float, ...], temperature: float) -> list[float]:
    powers = [math.exp(math.log(p) / temperature) for p in chances]
    return [power / sum(powers) for power in powers]


def test_a_temperature_divides_the_logits_of_its_head_and_language_and_changes_no_label(copy: Path) -> None:
    plain = read(copy)
    put(copy)
    for text, before, after in zip(TEXTS, plain, read(copy), strict=True):
        lang = written_in(text)
        assert after.sentiment == pytest.approx(heated(before.sentiment, HEAT.sentiment[lang]), abs=1e-9)
        assert after.topics == pytest.approx(heated(before.topics, HEAT.topic[lang]), abs=1e-9)
        assert (after.label, after.topic) == (before.label, before.topic)
        assert after.score != pytest.approx(before.score, abs=1e-6)


def test_a_folder_without_temperatures_and_one_read_uncalibrated_read_as_before(tiny: Path, copy: Path) -> None:
    put(copy)
    assert read(copy, calibrated=False) == read(tiny)


def test_a_calibrated_batch_equals_one_by_one(copy: Path) -> None:
    put(copy)
    loaded = Classifier.load(copy, device="cpu", precision="float32")
    whole = loaded.read(TEXTS * 5, KINDS * 5)
    alone = [loaded.read([text], [kind])[0] for text, kind in zip(TEXTS, KINDS, strict=True)]
    assert whole == alone * 5


def test_the_revision_covers_the_temperatures_and_nothing_else_that_was_measured(tiny: Path, copy: Path) -> None:
    plain = Classifier.load(tiny, device="cpu").revision
    put(copy)
    calibrated = Classifier.load(copy, device="cpu").revision
    (copy / folder.CONFUSION).write_text("{}")
    (copy / folder.REFERENCE).write_text("{}")
    assert calibrated != plain
    assert calibrated == Classifier.load(copy, device="cpu").revision == folder.revision(copy)
    assert Classifier.load(copy, device="cpu", calibrated=False).revision == plain
    record = json.loads((copy / CALIBRATION).read_text())
    (copy / CALIBRATION).write_text(json.dumps(record | {"how": "told otherwise"}))
    assert folder.revision(copy) == calibrated


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights_sha256": "0" * 64}, "fitted for other weights"),
        ({"schema": 2}, "schema 2; this version reads 1"),
        ({"temperatures": None}, "no temperatures"),
        ({"temperatures": {"sentiment": {"en": 1.0, "zh": 1.0}}}, r"of topic.*en, zh"),
        ({"temperatures": {"sentiment": {"en": 1.0}, "topic": {"en": 1.0, "zh": 1.0}}}, r"of sentiment.*en, zh"),
        ({"temperatures": {"sentiment": {"en": 0, "zh": 1.0}, "topic": {"en": 1.0, "zh": 1.0}}}, "en 0; expected"),
        ({"temperatures": {"sentiment": {"en": True, "zh": 1.0}, "topic": {"en": 1.0, "zh": 1.0}}}, "en True"),
        ({"temperatures": {"sentiment": {"en": math.nan, "zh": 1}, "topic": {"en": 1, "zh": 1}}}, "en nan"),
    ],
)
def test_temperatures_that_do_not_fit_stop_the_start_in_one_line(
    copy: Path, change: dict[str, object], message: str
) -> None:
    put(copy)
    record = json.loads((copy / CALIBRATION).read_text())
    (copy / CALIBRATION).write_text(json.dumps(record | change))
    with pytest.raises(ModelError, match=message) as caught:
        Classifier.load(copy, device="cpu")
    assert CALIBRATION in str(caught.value) and "\n" not in str(caught.value)
    Classifier.load(copy, device="cpu", calibrated=False)


def test_a_damaged_file_of_temperatures_stops_the_start_in_one_line(copy: Path) -> None:
    for content in (b"{", b"[]", b"\xff\xfe"):
        (copy / CALIBRATION).write_bytes(content)
        with pytest.raises(ModelError, match=CALIBRATION) as caught:
            Classifier.load(copy, device="cpu")
        assert "\n" not in str(caught.value)


def test_new_weights_take_away_what_was_measured_on_the_old(copy: Path) -> None:
    network, tokenizer, _ = folder.load(copy)
    put(copy)
    (copy / folder.CONFUSION).write_text("{}")
    folder.save(copy, network, tokenizer)
    assert not [name for name in folder.MEASURED if (copy / name).exists()]


@given(st.text(st.sampled_from("ab 1股涨é，🚀"), max_size=40))
def test_the_language_of_a_text_is_the_one_that_the_stream_finds(text: str) -> None:
    assert written_in(text) == language(text)
