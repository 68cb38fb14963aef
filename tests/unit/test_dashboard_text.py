"""Palettes, words, numbers and the making harmless of outside text."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dashboard
from dashboard.formats import Formats, zone_of
from dashboard.i18n import LANGUAGES, first_choice, words
from dashboard.palette import DARK_BACKGROUND, LIGHT_BACKGROUND, PALETTES, contrast, palette
from dashboard.safe import csv_text, link, plain
from dashboard.wall import comes_twice, instant_s, wall
from model.labels import KINDS, SENTIMENTS, TOPICS
from stream.core.event_time import DAY_S

ROOM = Path(dashboard.__file__).parent
NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC).timestamp()
BERLIN = ZoneInfo("Europe/Berlin")
# 2026-10-25 in Berlin: 02:00 to 03:00 comes twice, first as UTC+2, then as UTC+1.
FIRST_HALF_PAST_TWO = datetime(2026, 10, 25, 0, 30, tzinfo=UTC).timestamp()
SECOND_HALF_PAST_TWO = datetime(2026, 10, 25, 1, 30, tzinfo=UTC).timestamp()
EN = Formats(words("en"), UTC)
ZH = Formats(words("zh"), ZoneInfo("Asia/Shanghai"))


def catalogue(lang: str) -> dict[str, str]:
    found: dict[str, str] = json.loads((ROOM / "catalogues" / f"{lang}.json").read_text(encoding="utf-8"))
    return found


def test_both_languages_say_the_same_keys_with_the_same_placeholders() -> None:
    english, chinese = catalogue("en"), catalogue("zh")
    assert english.keys() == chinese.keys()
    for key, text in english.items():
        assert sorted(re.findall(r"{(\w+)}", text)) == sorted(re.findall(r"{(\w+)}", chinese[key])), key


def test_every_key_that_the_pages_use_is_in_the_catalogue() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in ROOM.rglob("*.py"))
    used = set(re.findall(r"""(?:words|said)\(\s*["']([\w.]+)["']""", code))
    assert len(used) > 40
    assert used <= catalogue("en").keys()
    families = {"topic": TOPICS, "label": SENTIMENTS, "kind": KINDS}
    assert {f"{name}.{value}" for name, values in families.items() for value in values} <= catalogue("en").keys()


def test_chinese_words_use_full_width_punctuation_beside_chinese_characters() -> None:
    wrong = {key: text for key, text in catalogue("zh").items() if re.search(r"[一-鿿][,:;()]|[,;][一-鿿]", text)}
    assert wrong == {}


@pytest.mark.parametrize(
    ("locale", "remembered", "lang"),
    [("zh-CN", None, "zh"), ("zh", "en", "en"), ("en-GB", "xx", "en"), ("fr", None, "en"), (None, None, "en")],
)
def test_the_first_language_is_the_one_remembered_then_the_browsers(
    locale: str | None, remembered: str | None, lang: str
) -> None:
    assert first_choice(locale, remembered) == lang
    assert lang in LANGUAGES


@pytest.mark.parametrize("chosen", PALETTES, ids=lambda p: p.name)
def test_marks_and_words_stand_out_from_their_background(chosen: object) -> None:
    palette_in_use = palette(getattr(chosen, "name", ""))
    for shades, background in ((palette_in_use.light, LIGHT_BACKGROUND), (palette_in_use.dark, DARK_BACKGROUND)):
        for colour in (shades.neg, shades.neu, shades.pos):
            assert contrast(colour, background) >= 3, colour
        for colour in (shades.neg_text, shades.neu_text, shades.pos_text):
            assert contrast(colour, background) >= 4.5, colour


def test_contrast_of_black_on_white_is_twenty_one() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize(
    ("url", "opens"),
    [
        ("https://example.org/a?b=1#c", True),
        ("http://example.org:8080/", True),
        ("javascript:alert(1)", False),
        ("JaVaScRiPt:alert(1)", False),
        ("data:text/html,<script>alert(1)</script>", False),
        ("//example.org/", False),
        ("https:///nohost", False),
        ("https://bank.example@evil.example/", False),
        ("https://example.org/\nx", False),
        (" https://example.org/", False),
        ("https://example.org:port/", False),
        ("https:\\\\example.org", False),
        ("https://[::1", False),
        ("", False),
        (None, False),
    ],
)
def test_only_plain_http_links_open(url: str | None, opens: bool) -> None:
    assert link(url) == (url if opens else None)


def test_a_title_is_one_line_without_invisible_characters() -> None:
    assert plain("a\u202eb\u0000c\n d\u2066e\ufeff\t f") == "abc de f"
    assert plain("x" * 400, 10) == "xxxxxxxxx…"
    assert plain("👩\u200d💻 up") == "👩\u200d💻 up"
    assert plain("<b>as it is</b>") == "<b>as it is</b>"


@given(st.text())
def test_plain_text_never_holds_a_line_break_or_a_direction_mark(text: str) -> None:
    assert not set(plain(text)) & set("\n\r\t\x00\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u2069")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "＝1"])
def test_no_word_in_a_csv_starts_a_formula(text: str) -> None:
    cell = csv_text(("a",), [(text,)]).split("\r\n", 1)[1].strip('\r\n"')
    assert cell.startswith("'")


def test_numbers_in_a_csv_stay_numbers() -> None:
    assert csv_text(("a", "b"), [(-0.5, None)]) == "\ufeffa,b\r\n-0.5,\r\n"


@pytest.mark.parametrize(
    ("value", "text"), [(0.0512, "+0.051"), (-0.0512, "−0.051"), (0.0, "+0.000"), (-0.0001, "+0.000"), (None, "–")]
)
def test_scores_carry_their_sign(value: float | None, text: str) -> None:
    assert EN.signed(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.9, "59 s"), (60, "1 min"), (3600, "1 h"), (5400, "90 min"), (7200, "2 h"), (172_800, "2 d")],
)
def test_lengths_of_time_use_the_unit_that_tells(seconds: float, text: str) -> None:
    assert EN.length(seconds) == text


def test_times_are_the_readers_own() -> None:
    assert EN.instant(NOON) == "2 Jan 2026, 12:00"
    assert ZH.instant(NOON) == "2026年1月2日 20:00"
    assert ZH.plot_time(NOON) == "2026-01-02T20:00:00"
    assert ZH.zone_name(NOON) == "Asia/Shanghai (UTC+8)"
    assert Formats(words("en"), ZoneInfo("Asia/Kolkata")).zone_name(NOON) == "Asia/Kolkata (UTC+5:30)"


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"])
@given(at_s=st.integers(min_value=1_000_000_000, max_value=2_000_000_000))
def test_every_instant_comes_back_from_what_the_clock_shows(zone: str, at_s: int) -> None:
    assert instant_s(wall(at_s, ZoneInfo(zone)), ZoneInfo(zone)) == at_s


@pytest.mark.parametrize("half_hours", range(4))
def test_the_hour_that_comes_twice_comes_back_as_it_was(half_hours: int) -> None:
    at_s = int(FIRST_HALF_PAST_TWO) + half_hours * 1_800
    shown = wall(at_s, BERLIN)
    assert instant_s(shown, BERLIN) == at_s
    assert comes_twice(shown, BERLIN) is (half_hours < 3)


def test_an_hour_that_is_left_out_does_not_come_twice() -> None:
    assert not comes_twice(datetime(2026, 3, 29, 2, 30), BERLIN)
    assert not comes_twice(datetime(2026, 10, 25, 2, 30), UTC)


def test_a_time_that_comes_twice_is_told_apart() -> None:
    berlin = Formats(words("en"), BERLIN)
    assert berlin.instant(FIRST_HALF_PAST_TWO) == "25 Oct 2026, 02:30 UTC+2"
    assert berlin.instant(SECOND_HALF_PAST_TWO) == "25 Oct 2026, 02:30 UTC+1"
    assert berlin.span(FIRST_HALF_PAST_TWO, SECOND_HALF_PAST_TWO) == "25 Oct 2026, 02:30 UTC+2–02:30 UTC+1"
    assert berlin.instant(SECOND_HALF_PAST_TWO + 3_600) == "25 Oct 2026, 03:30"
    assert berlin.stamp(SECOND_HALF_PAST_TWO) == "2026-10-25T02:30:00+01:00"


def test_a_change_of_the_clocks_is_noticed_and_an_axis_has_one_offset() -> None:
    berlin, start_s = Formats(words("en"), BERLIN), int(FIRST_HALF_PAST_TWO)
    assert berlin.clocks_change(start_s, start_s + 3_600)
    assert berlin.clocks_change(start_s - 20 * DAY_S, start_s + DAY_S)
    assert not berlin.clocks_change(start_s, start_s + 1_799)
    steady = berlin.steady(SECOND_HALF_PAST_TWO)
    assert steady.plot_time(FIRST_HALF_PAST_TWO) == "2026-10-25T01:30:00"
    assert steady.plot_time(SECOND_HALF_PAST_TWO) == "2026-10-25T02:30:00"


def test_a_headline_of_another_day_says_which() -> None:
    assert EN.short(NOON, NOON) == "12:00:00"
    assert EN.short(NOON - DAY_S, NOON) == "01-01 12:00"
    assert EN.short(NOON - 10 * DAY_S, NOON) == "2025-12-23 12:00"


@pytest.mark.parametrize("name", [None, "", "Nowhere/City", "../../etc/passwd", "Europe"])
def test_a_zone_that_is_not_known_is_utc(name: str | None) -> None:
    assert zone_of(name) is UTC
