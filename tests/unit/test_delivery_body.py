"""Titles and the body: golden texts, and what they keep out."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any, get_args

import pytest

from stream.core.incidents import EventType, Incident, IncidentEvent, Story, incident_id
from stream.delivery.body import body_of, instant, probability, superseded_body
from stream.delivery.titles import MOST_CHARS, title
from stream.delivery.words import series_words, span_words

NOON_S = 1_767_355_200
STORY = Story(
    id="s1",
    title="Acme's auditor resigns",
    source="invented-wire",
    lang="en",
    score=-0.912345,
    event_s=NOON_S,
    copies=3,
    url="https://news.example/1",
)
INCIDENT = Incident(
    incident_id=incident_id("news/ticker/ACME", NOON_S),
    rule="negative",
    series="news/ticker/ACME",
    state="firing",
    severity="critical",
    kind="negative_surge",
    clock="5m",
    opened_at_s=NOON_S,
    fired_at_ms=NOON_S * 1_000 + 45_678,
    window_start_s=NOON_S - 600,
    window_end_s=NOON_S + 300,
    z=7.25,
    z_peak=7.25,
    share=41 / 66,
    baseline_share=0.21,
    negative=41,
    total=66,
    expected_total=18.456,
    false_alarms_per_week=0.03,
    evidence=(STORY,),
)


def event(
    type_: EventType = "fired", *, actor: str | None = None, text: str | None = None, **changes: Any
) -> IncidentEvent:
    incident = replace(INCIDENT, **changes)
    return IncidentEvent(
        incident_id=incident.incident_id,
        seq=1,
        type=type_,
        at_ms=NOON_S * 1_000 + 45_678,
        incident=incident,
        actor=actor,
        text=text,
    )


def test_the_body_is_this_to_the_byte() -> None:
    body = body_of(event(), public_url="https://barograph.example")
    assert body.decode() == (
        '{"type":"sentiment.incident.fired","timestamp":"2026-01-02T12:00:45.678Z","data":{'
        '"incident_id":"f9b67d4e8ac0a4f9e3e5ae8a3a9a1d53","seq":1,"state":"firing","severity":"critical",'
        '"kind":"negative_surge","clock":"5m","early":false,"series":"news/ticker/ACME",'
        '"window":{"start":"2026-01-02T11:50:00.000Z","end":"2026-01-02T12:05:00.000Z"},'
        '"opened_at":"2026-01-02T12:00:00.000Z","resolved_at":null,"reason":null,'
        '"z":7.25,"probability":2.08e-13,"share":0.6212,"baseline_share":0.21,"lift":0.4112,'
        '"negative":41,"total":66,"expected_total":18.46,"span_min":15.0,'
        '"false_alarms_per_week":0.03,"model_revision":null,'
        '"evidence":[{"id":"s1","title":"Acme\'s auditor resigns","source":"invented-wire",'
        '"url":"https://news.example/1","score":-0.9123,"story_copies":3}],'
        '"links":{"dashboard":"https://barograph.example/alerts?incident=f9b67d4e8ac0a4f9e3e5ae8a3a9a1d53"},'
        '"title_en":"Critical negative surge: news · ticker ACME, 62% negative against 21% expected '
        '(41 of 66 stories in 15 min)",'
        '"title_zh":"严重：负面激增：新闻 · 代码 ACME，负面占比 62%（预期 21%），15 分钟内 66 条中 41 条负面",'
        '"late":false}}'
    ).replace("f9b67d4e8ac0a4f9e3e5ae8a3a9a1d53", INCIDENT.incident_id)


def test_the_same_event_gives_the_same_bytes() -> None:
    assert body_of(event(), public_url=None) == body_of(event(), public_url=None)


def test_what_is_not_there_is_null_or_left_out() -> None:
    data = json.loads(body_of(event(), public_url=None))["data"]
    assert data["links"] == {"dashboard": None}
    assert not {"actor", "text", "parent", "invented", "superseded", "why", "budget"} & set(data)


def test_what_people_did_and_what_is_invented_is_said() -> None:
    one = event("acknowledged", actor="Ada", text="looking", invented=True, parent="p")
    data = json.loads(body_of(one, public_url=None, superseded=True))["data"]
    assert (data["actor"], data["text"], data["parent"]) == ("Ada", "looking", "p")
    assert data["invented"] is True and data["superseded"] is True
    assert data["title_en"].startswith("[DEMO] ") and data["title_zh"].startswith("[演示] ")


def test_a_body_stays_under_20_kb_whatever_the_stories_are() -> None:
    long = Story(id="x" * 32, title="极" * 5_000, source="s" * 500, lang="zh", score=-1, event_s=0, url="u" * 9_000)
    body = body_of(event(evidence=(long,) * 12), public_url=None)
    assert len(body) < 20_000
    assert len(json.loads(body)["data"]["evidence"]) == 5


@pytest.mark.parametrize(("z", "chance"), [(0.0, 0.5), (1.96, 0.025), (4.0, 3.17e-05), (-1.0, 0.841), (40.0, 0.0)])
def test_the_probability_is_the_upper_tail(z: float, chance: float) -> None:
    assert probability(z) == chance
    grid = [i / 1_000 for i in range(-8_000, 8_000)]
    if abs(z) < 3:  # by the trapezoid rule, without erfc
        tail = sum(math.exp(-x * x / 2) for x in grid if x >= z) / 1_000 / math.sqrt(2 * math.pi)
        assert probability(z) == pytest.approx(tail, abs=1e-3)


@pytest.mark.parametrize("at_s", [0, NOON_S, NOON_S + 0.001, NOON_S + 0.999])
def test_instants_have_milliseconds_and_z(at_s: float) -> None:
    assert instant(at_s)[-5:] == f".{round(at_s * 1_000) % 1_000:03d}Z"[-5:]
    assert len(instant(at_s)) == 24


@pytest.mark.parametrize(
    ("one", "english", "chinese"),
    [
        (
            event(severity="warning", kind="negative_share", early=True),
            "Negative spike: news · ticker ACME, 62% negative against 21% expected (41 of 66 stories in 15 min), early",
            "负面占比骤升：新闻 · 代码 ACME，负面占比 62%（预期 21%），15 分钟内 66 条中 41 条负面，提前预警",
        ),
        (
            event("escalated", series="comment/topic/macro", late=True),
            "Escalated: critical negative surge: comments · topic macro, 62% negative against 21% expected "
            "(41 of 66 stories in 15 min), late",
            "升级 严重：负面激增：评论 · 主题 宏观经济，负面占比 62%（预期 21%），15 分钟内 66 条中 41 条负面，迟到",
        ),
        (
            event(series="news/market/all", severity="warning", led_by="ACME"),
            "Negative surge: news · whole market (mostly ACME), 62% negative against 21% expected "
            "(41 of 66 stories in 15 min)",
            "负面激增：新闻 · 全市场（以 ACME 为主），负面占比 62%（预期 21%），15 分钟内 66 条中 41 条负面",
        ),
        (
            event("resolved", reason="cleared", state="resolved", z_peak=9.04),
            "Resolved (back to normal): news · ticker ACME, z reached 9.0",
            "已解除（恢复正常）：新闻 · 代码 ACME，z 最高 9.0",
        ),
        (
            event("acknowledged", actor="Ada"),
            "Acknowledged by Ada: news · ticker ACME",
            "已确认（Ada）：新闻 · 代码 ACME",
        ),
        (
            event("commented", actor="Ada", text="auditor\ncalled"),
            "Comment by Ada: news · ticker ACME: auditor called",
            "新评论（Ada）：新闻 · 代码 ACME：auditor called",
        ),
    ],
)
def test_titles_say_what_happened(one: IncidentEvent, english: str, chinese: str) -> None:
    assert (title(one, "en"), title(one, "zh")) == (english, chinese)


@pytest.mark.parametrize("type_", get_args(EventType))
def test_every_event_has_a_title_of_one_bounded_line(type_: EventType) -> None:
    nasty = "a\x1b[2J\u202eb\r\n" + "x" * 3_000
    for language in ("en", "zh"):
        found = title(event(type_, actor=nasty, text=nasty, reason=nasty, series=f"news/ticker/{nasty}"), language)
        assert found and len(found) <= MOST_CHARS
        assert found.isprintable() and "\x1b" not in found and "\u202e" not in found


@pytest.mark.parametrize(
    ("series", "words"),
    [
        ("news/market/all", "news · whole market"),
        ("comment/lang/zh", "comments · language Chinese"),
        ("news/source/reuters", "news · source reuters"),
        ("filing/topic/unheard", "filing · topic unheard"),
        ("nonsense", "nonsense"),
    ],
)
def test_series_in_words(series: str, words: str) -> None:
    assert series_words(series, "en") == words


@pytest.mark.parametrize(
    ("span_s", "words"),
    [
        (45, "45 s"),
        (300, "5 min"),
        (3_600, "60 min"),
        (7_200, "2 h"),
        (5_400, "90 min"),
        (129_600, "36 h"),
        (172_800, "2 days"),
    ],
)
def test_spans_in_words(span_s: int, words: str) -> None:
    assert span_words(span_s, "en") == words


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "ftp://a.example/",
        "//a.example/",
        "a.example/1",
        "https://paypal.example@evil.example/",
        "https://a.example/ b",
        "https://a.example/\u202e",
    ],
)
def test_a_link_that_is_none_of_the_web_is_not_sent_on(url: str) -> None:
    body = body_of(event(evidence=(replace(STORY, url=url), STORY)), public_url=None)
    assert [one["url"] for one in json.loads(body)["data"]["evidence"]] == [None, STORY.url]


@pytest.mark.parametrize("what", ["fired", "reminder"])
def test_what_was_overtaken_after_it_was_made_has_the_bytes_of_what_was_before(what: EventType) -> None:
    one = event(what, z=1 / 3, invented=True, evidence=(replace(STORY, title='极 "quoted" \u2028 </script>'),))
    assert superseded_body(body_of(one, public_url="https://b.example")) == body_of(
        one, public_url="https://b.example", superseded=True
    )
