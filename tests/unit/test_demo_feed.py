"""The invented feed: a function of time, marked as invented, ordinary until its crisis."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import UTC, datetime
from functools import cache
from itertools import pairwise

import pytest

from model.classifier import Classifier
from model.labels import SENTIMENTS, TOPICS
from stream.core.documents import language
from stream.core.stories import story_id
from stream.sources.demo.crisis import A_MINUTE, DURATION_S, HEIGHT_S, RISE_S, age_at, crisis_of, told_by, whole_crisis
from stream.sources.demo.draw import Draw
from stream.sources.demo.feed import documents_between, documents_of
from stream.sources.demo.invented import SOURCES, Invented
from stream.sources.demo.slots import Scene, filled
from stream.sources.demo.words import CRISIS_TICKER, LANGS, companies, crisis_wordings, wordings
from stream.sources.incoming import read_incoming

NOON_S = 1_780_315_200
SEED = 1
START_S = NOON_S + 30
# Well-known tickers, of stocks, funds, indices and coins.
REAL_TICKERS = set(
    "AAPL ABBV ABNB ABT ACN ADBE ADI ADP AMAT AMC AMD AMGN AMT AMZN ARKK ASML AVGO AXP BA BABA BAC BB BIDU BLK BMY "
    "BNTX BP BRK.A BRK.B BTC BYND C CAT CL COIN COP COST CRM CSCO CVS CVX DE DIA DIS DOGE ETH F FB FDX GE GILD GLD "
    "GM GME GOOG GOOGL GS HD HON HOOD HSBC IBM INTC INTU IWM JD JNJ JPM KO LCID LLY LMT LOW MA MCD META MMM MO MRK "
    "MRNA MS MSFT MU NFLX NIO NKE NOK NOW NVDA ORCL PEP PFE PG PLTR PM PYPL QCOM QQQ RBLX RIVN ROKU SBUX SCHW SHOP "
    "SLV SNAP SNOW SOFI SPOT SPX SPY SQ T TGT TLRY TLT TM TSLA TSM TWTR TXN UBER UNH UPS USO V VALE VIX VOO VZ WFC "
    "WISH WMT XLE XLF XOM XRP ZM RELIANCE INFY HDFCBANK WIPRO MARUTI TITAN CIPLA LUPIN ADANI NESTLE PETRO".split()
)


@cache
def day() -> tuple[Invented, ...]:
    return tuple(document for minute in range(1440) for document in documents_of(NOON_S + minute * 60, SEED, None))


def test_a_minute_is_the_same_whenever_it_is_asked_for() -> None:
    alone = documents_of(NOON_S, SEED, START_S)
    documents_of(NOON_S + 60, SEED, START_S)
    assert documents_of(NOON_S, SEED, START_S) == alone
    assert documents_of(NOON_S, SEED + 1, START_S) != alone


def test_a_minute_is_the_same_on_every_machine() -> None:
    """Drawn once and written down: another version of Python must not draw anything else."""
    draw = Draw(SEED, NOON_S)
    assert [draw.whole(0, 999) for _ in range(6)] == [328, 612, 319, 702, 616, 245]
    assert documents_of(NOON_S, SEED, None)[0].id.startswith(f"invented-{SEED}-{NOON_S}-")


def test_a_crisis_adds_documents_and_changes_none() -> None:
    quiet, crisis = documents_of(NOON_S + 60, SEED, None), documents_of(NOON_S + 60, SEED, START_S)
    assert [document for document in crisis if not document.crisis] == quiet
    assert len(crisis) - len(quiet) == pytest.approx(A_MINUTE, abs=2)


def test_ids_name_feed_and_minute_and_no_two_are_equal() -> None:
    documents = [*day(), *whole_crisis(SEED, START_S), *whole_crisis(SEED, START_S + 600)]
    assert len({document.id for document in documents}) == len(documents)
    assert all(document.id.startswith(f"invented-{SEED}-") for document in documents)


def test_each_document_lies_in_its_minute_and_they_come_in_order() -> None:
    for minute_s in range(NOON_S, NOON_S + 1200, 60):
        moments = [document.published_ms for document in documents_of(minute_s, SEED, START_S)]
        assert moments == sorted(moments)
        assert all(minute_s * 1000 <= moment < (minute_s + 60) * 1000 for moment in moments)


def test_any_cuts_of_a_span_give_its_documents_once() -> None:
    whole = documents_between(NOON_S * 1000, NOON_S * 1000 + 600_000, SEED, START_S)
    cuts = [NOON_S * 1000 + offset for offset in (0, 1, 2_500, 59_999, 60_000, 61_234, 300_000, 600_000)]
    parts = [document for after, until in pairwise(cuts) for document in documents_between(after, until, SEED, START_S)]
    assert parts == whole


def test_what_is_no_minute_is_refused() -> None:
    with pytest.raises(ValueError, match="no start of a minute"):
        documents_of(NOON_S + 1, SEED, None)


def test_ten_to_fourteen_documents_a_minute_fewer_at_night() -> None:
    by_hour = Counter((document.published_ms // 1000 - NOON_S) // 3600 for document in day())
    rates = {(12 + hour) % 24: count / 60 for hour, count in by_hour.items()}
    assert all(9.5 < rate < 14.5 for rate in rates.values())
    assert rates[14] - rates[2] > 2


def test_the_page_never_waits_long_for_the_next_document() -> None:
    moments = [document.published_ms for document in day()]
    assert max(after - before for before, after in pairwise(moments)) < 10_000


def test_every_kind_language_topic_and_label_is_there() -> None:
    found = Counter((document.kind, document.lang) for document in day())
    assert set(found) == set(SOURCES)
    assert min(found.values()) > len(day()) / 6
    assert {document.topic for document in day()} == set(TOPICS)
    assert {document.label for document in day()} == set(SENTIMENTS)


def test_texts_are_in_the_language_they_say() -> None:
    # Two of a thousand Chinese posts are a ticker and little else.
    wrong = [document.text for document in day() if language(document.text) != document.lang]
    assert len(wrong) < len(day()) / 200, wrong[:5]


def test_every_source_and_author_says_that_it_is_invented() -> None:
    for document in [*day(), *whole_crisis(SEED, START_S)]:
        assert document.source.startswith("invented-")
        assert (document.author is None) == (document.kind == "news")
        assert document.author is None or document.author.startswith("invented-")


def test_no_ticker_is_a_real_one_and_none_has_the_length_of_one_in_new_york() -> None:
    tickers = [company.ticker for company in companies()]
    assert len(REAL_TICKERS) > 100
    assert len(set(tickers)) == len(tickers) == 24
    assert not REAL_TICKERS & set(tickers)
    assert all(re.fullmatch(r"[A-Z]{6}", ticker) for ticker in tickers)
    assert {ticker for document in day() for ticker in document.tickers} == set(tickers)


def test_only_invented_companies_are_named() -> None:
    texts = [wording for kind in ("news", "comment") for lang in LANGS for wording in _all_wordings(kind, lang)]
    for name in ("Apple", "Tesla", "Google", "Fed ", "Wall Street", "苹果", "特斯拉", "美联储", "茅台", "腾讯"):
        assert not [text for text in texts if name in text]
    for text in (document.text for document in day()):
        assert set(re.findall(r"\$([A-Z]{2,})", text)) <= {company.ticker for company in companies()}


def _all_wordings(kind: str, lang: str) -> list[str]:
    found = [text for labels in wordings(kind, lang).values() for texts in labels.values() for text in texts]
    return found + list(crisis_wordings(kind, lang).wordings)


@pytest.mark.parametrize("kind", ["news", "comment"])
@pytest.mark.parametrize("lang", LANGS)
def test_every_slot_of_every_wording_exists(kind: str, lang: str) -> None:
    crisis = crisis_wordings(kind, lang)
    assert set(wordings(kind, lang)) == set(TOPICS)
    for text in [*_all_wordings(kind, lang), *crisis.tails]:
        bare = text.replace("{tail}", "").replace("{end}", "")
        assert "{" not in filled(bare, Scene(Draw("test"), lang, companies()[0]))


def test_a_document_is_taken_by_the_sources_and_its_author_is_hashed() -> None:
    comment = next(document for document in day() if document.kind == "comment" and document.tickers)
    taken = read_incoming(comment.as_json(), received_at=datetime.now(UTC), key=bytes(32))
    assert (taken.id, taken.source, taken.text, taken.tickers) == (
        comment.id,
        comment.source,
        comment.text,
        comment.tickers,
    )
    assert taken.published_at is not None
    assert int(taken.published_at.timestamp() * 1000) == comment.published_ms
    assert taken.author is not None
    assert taken.author.startswith("a1:")
    assert "label" not in json.loads(comment.as_json())


def test_some_stories_are_told_by_other_sources_too_and_most_are_new() -> None:
    sources: dict[bytes, set[str]] = {}
    for document in day():
        story = story_id(kind=document.kind, text=document.text, author=document.author, document=document.id)
        sources.setdefault(story, set()).add(document.source)
    told_again = sum(len(names) > 1 for names in sources.values())
    assert told_again > 300
    assert len(sources) > 0.9 * len(day())


def test_a_day_brings_no_fewer_new_stories_at_its_end_than_at_its_start() -> None:
    """Stories count once in a day: a feed that ran dry would look like silence."""
    seen: set[bytes] = set()
    new: Counter[bool] = Counter()
    total: Counter[bool] = Counter()
    for document in day():
        late = document.published_ms // 1000 >= NOON_S + 12 * 3600
        story = story_id(kind=document.kind, text=document.text, author=document.author, document=document.id)
        total[late] += 1
        new[late] += story not in seen
        seen.add(story)
    assert new[True] / total[True] == pytest.approx(new[False] / total[False], abs=0.02)


def test_the_crisis_rises_stands_and_fades() -> None:
    ages = [document.published_ms / 1000 - START_S for document in whole_crisis(SEED, START_S)]
    assert len(ages) == pytest.approx(RISE_S / 2 + HEIGHT_S + 150, abs=1)
    assert ages == pytest.approx(sorted(ages), abs=2)
    assert (min(ages) >= 0, max(ages) <= DURATION_S) == (True, True)
    minutes = Counter(int((age - RISE_S) // 60) for age in ages if age >= RISE_S)
    assert all(minutes[n] == pytest.approx(A_MINUTE, abs=2) for n in range(4))
    assert [minutes[n] > minutes[n + 1] for n in range(4, 8)] == [True] * 4
    assert sum(age < RISE_S for age in ages) == pytest.approx(RISE_S / 2, abs=2)


@pytest.mark.parametrize("age_s", [0, 3, 19.9, 20, 100, 259, 261, 400, 559])
def test_the_age_of_a_document_is_the_inverse_of_how_many_were_told(age_s: float) -> None:
    assert age_at(told_by(age_s)) == pytest.approx(age_s, abs=1e-6)


def test_the_minutes_of_a_crisis_hold_all_of_it() -> None:
    minutes = range(NOON_S - 60, NOON_S + 15 * 60, 60)
    parts = [document.id for minute_s in minutes for document in crisis_of(minute_s, SEED, START_S)]
    assert sorted(parts) == sorted(document.id for document in whole_crisis(SEED, START_S))


def test_many_tell_of_the_crisis_in_many_words() -> None:
    crisis = list(whole_crisis(SEED, START_S))
    assert {ticker for document in crisis for ticker in document.tickers} == {CRISIS_TICKER}
    assert len({document.source for document in crisis}) >= 6
    assert len({document.author for document in crisis}) > 100
    assert len({document.text for document in crisis}) > 0.9 * len(crisis)
    shares = Counter((document.kind, document.lang) for document in crisis)
    assert min(shares.values()) > len(crisis) / 10


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier.load(device="cpu")


def test_the_shipped_model_reads_an_ordinary_day_as_it_was_meant(classifier: Classifier) -> None:
    documents = day()[::24]
    readings = classifier.read([document.text for document in documents], [document.kind for document in documents])
    as_meant = Counter(reading.label == document.label for reading, document in zip(readings, documents, strict=True))
    assert as_meant[True] > 0.93 * len(documents)
    for group in (("news", "en"), ("news", "zh"), ("comment", "en"), ("comment", "zh")):
        labels = [
            reading.label
            for reading, document in zip(readings, documents, strict=True)
            if (document.kind, document.lang) == group
        ]
        assert 0.13 < labels.count("negative") / len(labels) < 0.27, group


def test_the_shipped_model_reads_the_crisis_as_negative(classifier: Classifier) -> None:
    crisis = list(whole_crisis(SEED, START_S))[::4]
    readings = classifier.read([document.text for document in crisis], [document.kind for document in crisis])
    for kind in ("news", "comment"):
        labels = [reading.label for reading, document in zip(readings, crisis, strict=True) if document.kind == kind]
        assert labels.count("negative") / len(labels) > 0.9
