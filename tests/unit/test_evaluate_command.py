from __future__ import annotations

import gzip
import json
import random
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest
from typer.testing import CliRunner

from model import folder
from model.calibration import CALIBRATION
from model.classifier import Classifier
from model.drift_file import read_references
from model.evaluation.card import BEGIN, END
from model.evaluation.compare import Options, compare
from model.evaluation.held import limited
from model.evaluation.machine import as_json, write_files
from model.evaluation.report import page
from model.labels import SENTIMENTS
from model.tiny import make_tiny
from model.training.rows import Row
from stream.cli.main import app, main
from stream.settings import ConfigurationError

WORDS = {
    "positive": "profit up gain rise strong",
    "negative": "loss down fall weak cut",
    "neutral": "plan meeting date",
}
NASTY = "<script>alert(1)</script>"
RUNNER = CliRunner()


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder_ = tmp_path_factory.mktemp("data")
    (folder_ / "labelled").mkdir()
    draw = random.Random(0)
    sentiment, topics = [], []
    for index in range(900):
        label = draw.choice(SENTIMENTS)
        words = [draw.choice(WORDS[label].split()) for _ in range(3)]
        name = "".join(draw.choice("abcdefghijklmnop") for _ in range(12))
        lang, source = draw.choice([("en", "sentfin"), ("zh", "finfe"), ("en", NASTY)])
        text = f"{name} {' '.join(words)}" if lang == "en" else f"{label[:3]}公司业绩{name}增长下降{index}"
        kind = "comment" if lang == "zh" else "news"
        sentiment.append({"lang": lang, "source": source, "kind": kind, "text": text, "label": label})
        topic = "macro" if index % 2 else "earnings"
        topics.append({"lang": "en", "source": "tfn_topic", "text": f"{topic} {name} {index}", "topics": [topic]})
    for file, rows in (("sentiment_dev", sentiment), ("topics_dev", topics)):
        with gzip.open(folder_ / "labelled" / f"{file}.jsonl.gz", "wt", encoding="utf-8") as out:
            out.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    return folder_


@pytest.fixture
def copy(tiny: Path, tmp_path: Path) -> Path:
    shutil.copytree(tiny, tmp_path / "weights")
    return tmp_path / "weights"


class _Addresses(HTMLParser):
    """Collects what a browser would fetch or run, and the words of the page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.fetched: list[str] = []
        self.words = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.fetched += [f"{tag} {name}" for name, _ in attrs if name in {"src", "href", "xlink:href", "action"}]

    def handle_data(self, data: str) -> None:
        self.words += data


def test_the_report_is_one_page_that_fetches_and_runs_nothing(tiny: Path, data: Path) -> None:
    classifier = Classifier.load(tiny, device="cpu", precision="float32", calibrated=False)
    comparison = compare(classifier, data, Options(before=False, rival=False))
    html = page(comparison)
    parser = _Addresses()
    parser.feed(html)
    assert parser.fetched == [] and not parser.tags & {"script", "link", "img", "iframe", "object"}
    assert "@import" not in html and "url(" not in html
    assert NASTY in parser.words  # told as words
    assert html.count("<svg") == 2 + len(comparison.calibrated) + len(comparison.cuts["lang", "kind", "source"])
    for title in ("Accuracy by source", "Calibration", "Recall of negatives", "Robustness", "Confusion"):
        assert title in parser.words


def test_one_command_writes_figures_for_people_and_machines_and_the_files_beside_the_weights(
    copy: Path, data: Path, tmp_path: Path
) -> None:
    card = tmp_path / "card.md"
    card.write_text(f"# Card\n{BEGIN}\nold figures\n{END}\nthe rest\n", encoding="utf-8")
    outs = ["--json", str(tmp_path / "out.json"), "--html", str(tmp_path / "out.html"), "--card", str(card)]
    call = ["evaluate", "--data", str(data), "--model", str(copy), "--device", "cpu"]
    call += ["--no-before", "--no-rival", "--no-robust", "--no-matrices"]
    result = RUNNER.invoke(app, [*call, "--write", *outs], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    record = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    loaded = Classifier.load(copy, device="cpu")
    assert record["revision"] == loaded.revision == folder.revision(copy)
    told = card.read_text(encoding="utf-8")
    assert told.startswith("# Card\n") and told.endswith("\nthe rest\n") and "old figures" not in told
    assert f"`{loaded.revision}`" in told and "| sentiment | en news | sentfin |" in told
    assert loaded.calibration is not None and (copy / CALIBRATION).stat().st_size < 10_000
    after = [line for line in record["figures"] if line["contender"] == "after" and len(line["cut"]) == 3]
    assert {line["source"] for line in after} == {"sentfin", "finfe", NASTY, "tfn_topic"}
    for line in after:
        low, high = line["accuracy_interval"]
        assert low <= line["accuracy"] <= high and sum(map(sum, line["confusion"])) == line["rows"]
        assert set(line["by_class"]) == set(line["classes"])
    confusion = json.loads((copy / folder.CONFUSION).read_text(encoding="utf-8"))
    assert (confusion["schema"], confusion["revision"]) == (1, loaded.revision)
    assert confusion["labels"] == list(SENTIMENTS)
    assert {(cell["language"], cell["kind"]) for cell in confusion["cells"]} == {("en", "news"), ("zh", "comment")}
    assert {(part.language, part.kind) for part in read_references(copy / folder.REFERENCE)} >= {("en", "news")}

    again = RUNNER.invoke(app, [*call, "--write", *outs], catch_exceptions=False)
    assert again.exit_code == 0 and json.loads((tmp_path / "out.json").read_text()) == record


def test_stale_temperatures_are_told_and_made_anew(copy: Path, tiny: Path, data: Path) -> None:
    (copy / CALIBRATION).write_text(json.dumps({"schema": 1, "weights_sha256": "other"}))
    classifier = Classifier.load(copy, device="cpu", calibrated=False)
    comparison = compare(classifier, data, Options(limit=60, before=False, rival=False, robust=False))
    assert as_json(comparison)["options"]["limit"] == 60
    assert write_files(copy, comparison).revision == Classifier.load(copy, device="cpu").revision


def test_calibrated_readings_are_not_calibrated_twice(copy: Path, data: Path) -> None:
    write_files(copy, compare(Classifier.load(copy, device="cpu", calibrated=False), data, Options(
        limit=120, before=False, rival=False, robust=False)))  # fmt: skip
    with pytest.raises(ValueError, match="calibrated=False"):
        compare(Classifier.load(copy, device="cpu"), data, Options())


def test_a_users_own_rows_are_measured_alone(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = tmp_path / "mine.csv"
    mine.write_text("text,sentiment,topic\nprofit up,positive,earnings\nloss down,negative,\n", encoding="utf-8")
    call = ["evaluate", "--rows", str(mine), "--model", str(tiny), "--device", "cpu", "--no-before", "--no-robust"]
    result = RUNNER.invoke(app, [*call, "--json", str(tmp_path / "out.json")], catch_exceptions=False)
    assert result.exit_code == 0
    record = json.loads((tmp_path / "out.json").read_text())
    assert record["held_out"] == 3 and {line["source"] for line in record["figures"] if "source" in line} == {"mine"}
    monkeypatch.setattr("sys.argv", ["barograph", "evaluate", "--model", str(tiny), "--device", "cpu"])
    with pytest.raises(SystemExit, match="expected --data or --rows"):
        main()


def test_a_limit_takes_as_many_rows_of_each_source_the_same_each_time() -> None:
    rows = [Row("sentiment", "en", f"s{i % 3}", "news", str(i), ("neutral",)) for i in range(40)]
    chosen = limited(rows, 5, 1)
    assert [row.source for row in chosen].count("s0") == 5 and len(chosen) == 15
    assert chosen == limited(rows, 5, 1) != limited(rows, 5, 2)
    assert [int(row.text) for row in chosen] == sorted(int(row.text) for row in chosen)
    assert limited(rows, None, 1) == rows


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--write", "--limit", "5"], "--write needs all held-out rows"),
        (["--json", "/nowhere/at/all.json"], "/nowhere/at does not exist"),
        (["--html", "/nowhere/at/all.html"], "/nowhere/at does not exist"),
        ([], "no such file; expected labelled rows"),
        (["--card", str(Path(__file__))], "not both of its marks"),
        (["--rows", "/nowhere/mine.csv"], "/nowhere/mine.csv: No such file"),
    ],
)
def test_what_cannot_be_done_is_told_at_once(
    tiny: Path, tmp_path: Path, options: list[str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = ["barograph", "evaluate", "--data", str(tmp_path), "--model", str(tiny), "--device", "cpu", *options]
    monkeypatch.setattr("sys.argv", call)
    with pytest.raises(SystemExit, match=message):
        main()
    assert issubclass(ConfigurationError, Exception)
