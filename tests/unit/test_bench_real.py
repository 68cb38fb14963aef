"""Recorded streams: scored once, counted as the store counts, watched as the detector watches."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bench import real_streams
from bench.real_cases import result
from bench.real_counts import Counted, counted
from bench.real_list import CASES, Case, case
from bench.real_scores import BATCH, Scored, Scores, key
from bench.real_streams import Line, lines, span
from bench.real_watch import readings, watch
from model.classifier import Reading
from model.labels import TOPICS
from stream.core.readings import Counts
from stream.detector.engine import Desk

HOUR = 3_600
DAY = 86_400
START = 1_704_067_200
MARKET = "news/market/all"


def line(number: int, at_s: int, text: str | None = None, **changed: object) -> Line:
    words = text or f"Something else number {number} happened to a company that makes things for other companies"
    plain = Line(str(number), "news", "reuters", "en", at_s, "second", words, words, (), None)
    return replace(plain, **changed)  # type: ignore[arg-type]


def scores(documents: Sequence[Line], negative: Sequence[bool]) -> dict[str, Scored]:
    pairs = zip(documents, negative, strict=True)
    return {key(one): Scored(0.8, 0.1, 0.1, "macro") if bad else Scored(0.1, 0.8, 0.1, "macro") for one, bad in pairs}


class Counting:
    """A classifier that says of every text what its first letter says, and remembers how many it was asked for."""

    revision = "abc"

    def __init__(self) -> None:
        self.texts: list[str] = []

    def read(self, texts: Sequence[str], kinds: Sequence[str]) -> list[Reading]:
        self.texts += texts
        return [Reading((0.123456, 0.2, 0.676544), (1.0, *(0.0 for _ in TOPICS[1:]))) for _ in texts]


def test_what_was_scored_is_kept_by_revision_and_not_scored_again(tmp_path: Path) -> None:
    documents = [line(number, START + number) for number in range(BATCH + 10)]
    first = Counting()
    found = Scores(first, "a", tmp_path).of([*documents, documents[0]])
    assert len(first.texts) == len(documents)
    assert found[key(documents[3])] == Scored(0.1235, 0.2, 0.6765, TOPICS[0])
    second, other = Counting(), Counting()
    assert Scores(second, "a", tmp_path).of(documents) == found
    assert second.texts == []
    other.revision = "def"
    Scores(other, "a", tmp_path).of(documents)
    assert len(other.texts) == len(documents)


def test_a_run_that_was_killed_in_a_line_goes_on_after_the_last_whole_one(tmp_path: Path) -> None:
    documents = [line(number, START + number) for number in range(5)]
    Scores(Counting(), "a", tmp_path).of(documents)
    (path,) = tmp_path.rglob("a.jsonl")
    path.write_text(path.read_text()[:-20])
    again = Counting()
    found = Scores(again, "a", tmp_path).of(documents)
    assert again.texts == [documents[4].read]
    assert Scores(Counting(), "a", tmp_path).of([]) == found


def test_a_story_counts_once_per_series_within_a_day_with_its_first_copys_label() -> None:
    text = "A company that everybody knows will be taken over by another company at a very high price today"
    documents = [
        line(1, START, text),
        line(2, START + HOUR, text + "!!", source="cnbc"),
        line(3, START + 23 * HOUR, text.upper()),
        line(4, START + 25 * HOUR, text + "."),
    ]
    found = counted(documents, scores(documents, [True, False, False, False]))
    by_hour = {start: found.windows(HOUR, [start])[0] for start in range(START, START + 26 * HOUR, HOUR)}
    market = {(start - START) // HOUR: window[MARKET] for start, window in by_hour.items() if MARKET in window}
    assert market == {0: Counts(1, 1), 25: Counts(0, 1)}
    assert by_hour[START + HOUR] == {"news/source/cnbc": Counts(1, 1)}


def test_a_document_that_comes_again_under_its_id_does_not_count() -> None:
    documents = [line(1, START), line(1, START + 1, "Quite another text under the very same id as the one before")]
    found = counted(documents, scores(documents, [False, False]))
    assert found.windows(HOUR, [START])[0][MARKET] == Counts(0, 1)


def test_five_minutes_tell_nothing_where_the_hour_was_recorded() -> None:
    documents = [line(number, START + number, precision="hour") for number in range(3)]
    assert counted(documents, scores(documents, [False] * 3)).clocks == ("1h", "6h", "1d")
    assert counted([], {}).clocks == ("5m", "1h", "6h", "1d")


def test_the_list_of_the_newest_is_as_it_stood_then() -> None:
    documents = [line(number, START + number * 60) for number in range(700)]
    found = counted(documents, scores(documents, [False] * 700))
    found.latest.now_s = START + 650 * 60
    day = found.latest.latest(1_000, start_s=START, end_s=START + DAY)
    assert [one.id for one in day] == [str(number) for number in range(650, 150, -1)]
    assert len(found.latest.latest(10, start_s=START, end_s=START + DAY)) == 10


def crisis() -> Counted:
    """Forty days of a story every twenty minutes, one in six negative; then six hours of two in three."""
    documents, negative = [], []
    for number in range(40 * 72):
        documents.append(line(number, START + number * 1_200, source=("reuters", "cnbc")[number % 2]))
        late = number >= 39 * 72
        negative.append(number % 3 > 0 if late and number < 39 * 72 + 18 else number % 6 == 0)
    return counted(documents, scores(documents, negative))


def made(first_h: int, end_h: int) -> Case:
    day = START + 39 * DAY
    start, end = (
        datetime.fromtimestamp(day + hour * HOUR, UTC).strftime("%Y-%m-%dT%H:%M") for hour in (first_h, end_h)
    )
    return case("crisis", "en_headlines_2017_2020", start, end, "open", MARKET)


def test_a_crisis_opens_in_its_window_and_not_in_the_days_before() -> None:
    counts, at = crisis(), made(0, 12)
    seen = watch(counts, at.start_s - 9 * DAY, at.end_s, Desk())
    found = result(at, seen, readings(counts, MARKET, at.start_s, at.end_s))
    assert [one.opened.series for one in found.told] == [MARKET]
    assert found.holds
    assert found.strongest["1h"].z >= 3.3
    before = replace(at, start_s=at.start_s - 9 * DAY, end_s=at.start_s, expected="not")
    assert result(before, seen, []).holds
    assert seen.weeks == pytest.approx(9.5 / 7)


def test_the_past_before_the_watched_time_teaches_and_is_not_judged() -> None:
    counts, at = crisis(), made(6, 12)
    seen = watch(counts, at.start_s + 6 * HOUR, at.end_s, Desk())
    assert seen.found == ()


def test_every_case_belongs_to_a_stream_and_lasts() -> None:
    for each in CASES:
        assert each.start_s < each.end_s
        assert each.market.startswith("comment" if "reddit" in each.stream or "en_stock" in each.stream else "news")
    assert case("x", "zh_x", "2020-01-01", "2020-01-02", "open", "news/topic/").concerns("news/topic/macro")
    assert not case("x", "zh_x", "2020-01-01", "2020-01-02", "open", MARKET).concerns("news/topic/macro")


def test_a_stream_is_read_within_a_time_without_documents_that_have_no_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        {
            "id": str(hour),
            "kind": "comment",
            "source": "stocktwits",
            "lang": "en",
            "published_at": f"2020-01-01T{hour:02d}:00:00Z",
            "precision": "second",
            "text": "" if hour == 2 else f"hour {hour}",
            "tickers": ["TSLA"],
            "extra": {"user_label": "bearish"},
        }
        for hour in range(6)
    ]
    with gzip.open(tmp_path / "en_x.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    monkeypatch.setattr(real_streams, "STREAMS", tmp_path)
    first_s, last_s = span("en_x")
    assert last_s - first_s == 5 * HOUR
    found = list(lines("en_x", first_s + HOUR, last_s))
    assert [one.id for one in found] == ["1", "3", "4"]
    assert found[0].given == "negative"
    assert found[0].tickers == ("TSLA",)
