"""Which addresses are of the public internet."""

from __future__ import annotations

import pytest

from stream.core.addresses import is_public


@pytest.mark.parametrize(
    "address",
    [
        "93.184.215.14",
        "8.8.8.8",
        "2606:4700:4700::1111",
        "[2606:4700:4700::1111]",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
    ],
)
def test_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.255.255.254", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1"),
        *("169.254.169.254", "0.0.0.0", "0.1.2.3", "100.64.0.1", "192.0.0.170", "198.18.0.1", "192.0.2.1"),
        *("203.0.113.5", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255"),
        *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12:3456::1", "ff02::1", "fec0::1", "2001:db8::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b:1::1"),
        *("2002:7f00:1::", "2002:a00:1::", "2001:0:7f00:1::"),
        *("", "localhost", "127.1", "0x7f000001", "2130706433", "1.2.3", "1.2.3.4/32", "1.2.3.4 "),
    ],
)
def test_not_public(address: str) -> None:
    assert not is_public(address)
