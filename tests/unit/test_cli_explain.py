from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner

from model.tiny import make_tiny
from stream.cli.explain import explain
from stream.settings import ConfigurationError

app = typer.Typer(pretty_exceptions_enable=False)
app.command()(explain)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(make_tiny(tmp_path_factory.mktemp("tiny")))


def test_json_gives_both_readings_of_every_word(tiny: str) -> None:
    out = CliRunner().invoke(app, ["profit up 3%", "银行降息", "--json", "--kind", "comment", "--model", tiny])
    lines = [json.loads(line) for line in out.stdout.splitlines()]
    assert [line["text"] for line in lines] == ["profit up 3%", "银行降息"]
    assert [word["text"] for word in lines[0]["words"]] == ["profit", "up", "3%"]
    assert [word["text"] for word in lines[1]["words"]] == ["银行", "降息"]
    for line in lines:
        assert (line["kind"], line["method"], len(line["revision"])) == ("comment", "path", 16)
        assert sum(line["sentiment"].values()) == pytest.approx(1, abs=1e-4)
        assert line["sums"]["topic"]["words"] == pytest.approx(sum(w["topic"] for w in line["words"]), abs=1e-3)


def test_a_terminal_is_told_in_signs_what_colours_say_and_outside_text_changes_nothing(tiny: str) -> None:
    nasty = "[bold red]up[/] \x1b[2J\x1b]0;owned\x07 down :smile:"
    out = CliRunner().invoke(app, [nasty, "--model", tiny])
    assert out.exit_code == 0
    assert "[bold red]up[/]" in out.stdout and ":smile:" in out.stdout
    assert "\x1b[2J" not in out.stdout and "\x07" not in out.stdout
    head, _, weights = out.stdout.splitlines()[:3]
    assert head[0] in "▼●▲" and "topic" in head
    assert all(part[-5] in "+-" for part in weights.split("  "))


def test_lines_of_standard_input_are_texts(tiny: str) -> None:
    out = CliRunner().invoke(app, ["-", "--json", "--model", tiny], input="one up\n\ntwo down\n")
    assert [json.loads(line)["text"] for line in out.stdout.splitlines()] == ["one up", "two down"]


@pytest.mark.parametrize(
    ("arguments", "message"), [([" "], "TEXT: empty"), (["up", "--model", "/nowhere"], "no model here")]
)
def test_what_cannot_be_explained_is_one_line(arguments: list[str], message: str) -> None:
    out = CliRunner().invoke(app, arguments)
    assert isinstance(out.exception, ConfigurationError)
    assert message in str(out.exception) and "\n" not in str(out.exception)
