"""The small receiver: what it takes, what it refuses and says."""

from __future__ import annotations

import base64
import time
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from stream.cli.main import app
from stream.delivery.receiver import create_receiver
from stream.delivery.signing import check_secret, make_secret, signed_headers

SECRET, OTHER = make_secret(), "whsec_" + base64.b64encode(bytes(32)).decode()
BODY = b'{"type":"sentiment.incident.fired","data":{"title_en":"up \\u001b[2J"}}'


async def post(shown: list[str], path: str, headers: dict[str, str]) -> httpx.Response:
    transport = httpx.ASGITransport(create_receiver([SECRET], shown.append))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        return await client.post(path, content=BODY, headers=headers)


@pytest.mark.parametrize("path", ["/", "/hooks/barograph"])
async def test_a_signed_message_is_taken_at_any_path_and_shown_without_control_characters(path: str) -> None:
    shown: list[str] = []
    answer = await post(shown, path, signed_headers([SECRET], "msg_1", time.time(), BODY))
    assert answer.status_code == 204
    assert "sentiment.incident.fired" in shown[0] and "\x1b" not in shown[0]


@pytest.mark.parametrize(
    ("secret", "at_s", "why"),
    [(OTHER, 0.0, "is the secret the same?"), (SECRET, -900.0, "its time is not now"), (SECRET, 900.0, "not now")],
)
async def test_what_is_refused_says_why_and_which_message_it_was(secret: str, at_s: float, why: str) -> None:
    shown: list[str] = []
    answer = await post(shown, "/", signed_headers([secret], "msg_7", time.time() + at_s, BODY))
    assert answer.status_code == 401
    assert "msg_7" in shown[0] and why in shown[0] and why in answer.text


async def test_a_message_without_its_headers_is_refused() -> None:
    shown: list[str] = []
    assert (await post(shown, "/", {})).status_code == 401
    assert "a header is missing" in shown[0]


def test_a_secret_is_made_where_there_is_none_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    file = tmp_path / "desk.secret"
    taken = CliRunner().invoke(app, ["receive", "--secret-file", str(file), "--out", str(tmp_path / "no" / "file")])
    assert taken.exit_code != 0  # the folder of --out is missing: it does not begin to listen
    assert file.stat().st_mode & 0o077 == 0
    check_secret(file.read_text().strip())
