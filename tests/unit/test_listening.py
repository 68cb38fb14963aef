"""Who else can reach a role: said once where it is more than this machine."""

from __future__ import annotations

import pytest

from stream.listening import is_loopback, warn_if_open


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "[::1]", "localhost"])
def test_the_loopback_needs_no_warning(host: str, caplog: pytest.LogCaptureFixture) -> None:
    assert is_loopback(host)
    warn_if_open("ingest", host, "a risk")
    assert caplog.messages == []


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "box.lan", ""])
def test_any_other_address_is_warned_of_in_one_line(host: str, caplog: pytest.LogCaptureFixture) -> None:
    warn_if_open("ingest", host, "a risk")
    (line,) = caplog.messages
    assert f"ingest listens on {host}" in line
    assert "a risk" in line
    assert "\n" not in line
