"""A user's own rows, leaks between the sides of a split, rows made by rules and templates."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from model.errors import ModelError
from model.labels import SENTIMENTS
from model.training.assemble import FEW_CORRECTIONS, assemble, split_three
from model.training.config import Config
from model.training.recipe import TWO_CLASSES, policy
from model.training.rows import Row
from model.training.split import leaks
from model.training.templates import PATTERNS, template_rows
from model.training.user_rows import read_user_rows
from model.training.weak import label_sentences, weak_rows

WORDS = "bank oil gold profit rate merger court fund chip export copper freight tax bond yield".split()


def lines(path: Path, records: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), encoding="utf-8")
    return path


def distinct(index: int) -> str:
    return f"{WORDS[index % 15]} {WORDS[index // 15 % 15]} number {'abcdefghij'[index % 10] * 9} {index}"


# --- reading


def test_json_lines_and_csv_say_the_same(tmp_path: Path) -> None:
    records: list[dict[str, object]] = [
        {"text": "profit up, again", "sentiment": "positive", "topic": "earnings", "kind": "comment", "source": "desk"},
        {"text": "央行宣布降息", "topic": "rates_central_bank"},
    ]
    table = 'text,sentiment,topic,kind,source\n"profit up, again",Positive,earnings,comment,desk\n'
    (tmp_path / "a.csv").write_text(table + "央行宣布降息,,rates_central_bank,,a\n", encoding="utf-8")
    from_json = [entry.row for entry in read_user_rows(lines(tmp_path / "a.jsonl", records))]
    assert from_json == [entry.row for entry in read_user_rows(tmp_path / "a.csv")]
    assert from_json == [
        Row("sentiment", "en", "desk", "comment", "profit up, again", ("positive",)),
        Row("topic", "en", "desk", "comment", "profit up, again", ("earnings",)),
        Row("topic", "zh", "a", "news", "央行宣布降息", ("rates_central_bank",)),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_tables_are_read_in_the_encodings_that_spreadsheets_write(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes("text;sentiment\n公司净利润大增;positive\n".encode(encoding))
    assert [entry.row.text for entry in read_user_rows(path)] == ["公司净利润大增"]


def test_a_packed_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"text": "up", "sentiment": "positive"}\n'))
    assert read_user_rows(path)[0].row.source == "rows"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "a.jsonl",
            '{"text": "x", "sentiment": "bullish"}',
            r"a.jsonl:1: sentiment 'bullish'; expected one of negative",
        ),
        ("a.jsonl", '\n{"text": "x", "topic": "weather"}', r"a.jsonl:2: topic 'weather'; expected one of earnings"),
        ("a.jsonl", '{"text": "x"}', r"a.jsonl:1: neither sentiment nor topic"),
        ("a.jsonl", '{"text": " ", "sentiment": "neutral"}', r"a.jsonl:1: text ' '; expected some text"),
        ("a.jsonl", "{", r"a.jsonl:1: not JSON"),
        ("a.jsonl", "[1]", r"a.jsonl:1: list found; expected an object"),
        ("a.jsonl", '{"text": "x", "sentiment": 3}', r"a.jsonl:1: sentiment '3'"),
        ("a.jsonl", '{"text": "x", "sentiment": "neutral", "kind": "tweet"}', r"kind 'tweet'; expected one of news, c"),
        ("a.jsonl", '{"text": "x", "sentiment": "neutral", "split": "dev"}', r"split 'dev'; expected one of train, h"),
        ("a.csv", "headline,sentiment\nup,positive\n", r"a.csv:1: columns headline, sentiment; expected a column text"),
        ("a.csv", "text,sentiment\nup,positive\nup,so good,yes\n", r"a.csv:3: more cells than the heading"),
        ("a.csv", 'text,sentiment\n"up,positive\n', r"a.csv:\d: not CSV"),
        ("a.csv", "", r"expected a column text"),
        ("a.jsonl", "", r"a.jsonl: no rows"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_line(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(ModelError, match=message):
        read_user_rows(tmp_path / name)


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="No such file"):
        read_user_rows(tmp_path / "none.csv")
    (tmp_path / "a.csv").write_bytes(b"\xff\xff\xff\x00")
    with pytest.raises(ModelError, match="neither UTF-8, UTF-16 nor GB 18030"):
        read_user_rows(tmp_path / "a.csv")


@pytest.mark.parametrize("third", ["positive", "neutral"])
def test_a_source_that_never_says_neutral_leaves_that_class_alone(tmp_path: Path, third: str) -> None:
    records: list[dict[str, object]] = [
        {"text": distinct(i), "sentiment": ("negative", "positive", third)[i % 3]} for i in range(90)
    ]
    classes = {policy(entry.row).classes for entry in read_user_rows(lines(tmp_path / "a.jsonl", records))}
    assert classes == {TWO_CLASSES if third == "positive" else SENTIMENTS}


# --- the sides of a split


def test_own_rows_alone_are_split_without_leaks(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl", [{"text": distinct(i), "sentiment": "neutral"} for i in range(200)])
    rows = assemble(Config(), None, [path])
    assert len(rows.train) > 100 and rows.held
    assert leaks([row.text for row in rows.train], [row.text for row in rows.held]) == 0


def test_a_near_copy_on_both_sides_is_refused_and_named(tmp_path: Path) -> None:
    copy = "Copper settles at 8,{} dollars a tonne as stocks fall"
    records: list[dict[str, object]] = [
        {"text": distinct(i), "sentiment": "neutral", "split": "held" if i % 4 == 0 else "train"} for i in range(80)
    ]
    records += [{"text": copy.format(120), "sentiment": "neutral", "split": "train"}]
    records += [{"text": copy.format(995), "sentiment": "neutral", "split": "held"}]
    path = lines(tmp_path / "a.jsonl", records)
    with pytest.raises(
        ModelError, match=r"1 held-out rows have a near-copy .*a.jsonl:82 'Copper .*a.jsonl:81.*--allow-"
    ):
        assemble(Config(), None, [path])
    allowed = assemble(Config(), None, [path], allow_leaks=True)
    assert len(allowed.train) == 61 and len(allowed.held) == 21
    assert any("near-copy" in note for note in allowed.notes)


def test_a_side_without_rows_is_refused(tmp_path: Path) -> None:
    path = lines(
        tmp_path / "a.jsonl", [{"text": distinct(i), "sentiment": "neutral", "split": "train"} for i in (1, 2)]
    )
    with pytest.raises(ModelError, match="no rows held out: 2 to train on, 0 held out"):
        assemble(Config(), None, [path])


def test_few_corrections_are_warned_of(tmp_path: Path) -> None:
    path = lines(
        tmp_path / "c.jsonl",
        [
            {"text": distinct(i), "sentiment": "negative", "topic": "macro", "source": "correction", "by": "kim"}
            for i in range(60)
        ],
    )
    rows = assemble(Config(), None, [], path)
    assert any(f"120 corrections; below {FEW_CORRECTIONS}" in note for note in rows.notes)
    assert {row.source for row in rows.train} == {"correction"}


def test_a_source_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "labelled").mkdir()
    record = {"lang": "en", "source": "sentfin", "kind": "news", "text": "up", "label": "positive"}
    topic = {"lang": "en", "source": "finese", "text": "up", "topics": ["macro"]}
    for name, line in (("sentiment_dev", record), ("topics_dev", topic)):
        (tmp_path / "labelled" / f"{name}.jsonl.gz").write_bytes(gzip.compress(json.dumps(line).encode()))
    with pytest.raises(ModelError, match="sources: 'fpb' is not among the rows; known are finese, sentfin"):
        assemble(Config(sources=("fpb",)), tmp_path)


def test_three_sides_keep_near_copies_together_and_hold_the_same_fifth_out() -> None:
    rows = [
        Row("sentiment", "en", "desk", "news", f"{distinct(i)} {n}", ("neutral",)) for i in range(150) for n in "12"
    ]
    train, dev, held = split_three(rows, 0, 3)
    assert len(train) + len(dev) + len(held) == 300 and dev and held
    texts = [[row.text for row in side] for side in (train, dev, held)]
    assert leaks(texts[0], texts[1]) == leaks(texts[0], texts[2]) == leaks(texts[1], texts[2]) == 0


# --- rows that rules and templates make


@pytest.mark.parametrize(
    ("language", "text", "label"),
    [
        ("en", "Net sales in the quarter rose to 13.1 mln dlrs from 8.7 mln.", "positive"),
        ("en", "Operating profit of the unit fell to 2 mln stg in the half.", "negative"),
        ("en", "The company has won a contract for two ferries in Norway.", "positive"),
        ("en", "It will lay off 300 people at its plant in Ohio.", "negative"),
        ("en", "The net loss narrowed to 3 mln dlrs in the period.", "positive"),
        ("en", "The company is headquartered in Helsinki and employs 300 people.", "neutral"),
        ("en", "If net sales rose to 13 mln, the bank said.", None),
        ("en", "Net sales rose to 13 mln while operating profit fell to 2 mln.", None),
        ("en", "Copper was quoted at noon in London today.", None),
        ("zh", "公司上半年净利润同比增长百分之三十五。", "positive"),
        ("zh", "公司因涉嫌信息披露问题被证监会立案调查。", "negative"),
        ("zh", "公司董事会将于六月十五日召开股东大会。", "neutral"),
        ("zh", "若公司净利润同比增长百分之三十五以上则执行。", None),
    ],
)
def test_a_rule_labels_only_what_its_words_settle(language: str, text: str, label: str | None) -> None:
    assert list(label_sentences(language, [text])) == ([(text, label)] if label else [])


def test_weak_rows_come_from_the_corpus_up_to_a_number(tmp_path: Path) -> None:
    text = "".join(f"Net sales of unit {i} rose to {i}.1 mln dlrs from 8.7 mln.\n" for i in range(50))
    (tmp_path / "en_reuters21578.txt.gz").write_bytes(gzip.compress(text.encode()))
    rows = weak_rows(tmp_path, 20)
    assert len(rows) == 20 and {(row.source, row.labels) for row in rows} == {("weak_en", ("positive",))}
    assert rows == weak_rows(tmp_path, 20)


def test_templates_make_different_sentences_and_the_same_again() -> None:
    rows = template_rows(200, seed=4)
    assert len({row.text for row in rows}) == 600 and rows == template_rows(200, seed=4)
    assert {row.labels[0] for row in rows} == set(PATTERNS)
    assert not any("{" in row.text for row in rows)
