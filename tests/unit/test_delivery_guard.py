"""The guard: which addresses a webhook may go to."""

from __future__ import annotations

import pytest

from stream.core.addresses import refusal
from stream.delivery.endpoints import Endpoint, url_problem
from stream.delivery.post import Refused, checked

PUBLIC = [
    "8.8.8.8",
    "1.1.1.1",
    "93.184.216.34",
    "172.15.255.255",
    "172.32.0.1",
    "192.167.1.1",
    "192.169.1.1",
    "100.63.255.255",
    "100.128.0.1",
    "2606:4700:4700::1111",
    "2a00:1450:4001:81b::200e",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
    "2002:808:808::1",
]
# May be opened by allow_private.
PRIVATE = [
    "10.0.0.1",
    "10.255.255.255",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "127.1.2.3",
    "::1",
    "fc00::1",
    "fd12:3456:789a::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:c0a8:1",
    "64:ff9b::7f00:1",
    "64:ff9b::a00:1",
    "2002:7f00:1::",
    "2002:c0a8:1::1",
    "2001:0:4136:e378:8000:63bf:f5ff:fffe",  # Teredo of 10.0.0.1
]
# Never.
REFUSED = [
    "0.0.0.0",
    "0.1.2.3",
    "::",
    "169.254.0.1",
    "169.254.169.254",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
    "::169.254.169.254",
    "168.63.129.16",
    "100.100.100.200",
    "192.0.0.192",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "febf::1",
    "fec0::1",
    "224.0.0.1",
    "239.255.255.250",
    "ff02::1",
    "ff0e::1",
    "240.0.0.1",
    "255.255.255.255",
    "192.0.2.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "2001:db8::1",
    "100::1",
]


@pytest.mark.parametrize("address", PUBLIC)
@pytest.mark.parametrize("allow_private", [False, True])
def test_public_addresses_are_open(address: str, allow_private: bool) -> None:
    assert refusal(address, allow_private=allow_private) is None


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_and_this_machine_are_open_only_to_endpoints_that_say_so(address: str) -> None:
    assert refusal(address, allow_private=False) is not None
    assert refusal(address, allow_private=True) is None


@pytest.mark.parametrize("address", REFUSED)
@pytest.mark.parametrize("allow_private", [False, True])
def test_metadata_link_local_multicast_and_reserved_addresses_are_never_open(address: str, allow_private: bool) -> None:
    assert refusal(address, allow_private=allow_private) is not None


def test_a_name_with_one_refused_address_among_good_ones_is_refused() -> None:
    endpoint = Endpoint("desk", "https://hooks.example.com/very-secret-path", ())
    assert checked(["8.8.8.8", "1.1.1.1"], endpoint) == ["8.8.8.8", "1.1.1.1"]
    with pytest.raises(Refused, match=r"hooks\.example\.com is at 10\.0\.0\.1, a private address") as caught:
        checked(["8.8.8.8", "10.0.0.1"], endpoint)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "allow_private", "good"),
    [
        ("https://example.com/hook?token=1", False, True),
        ("https://example.com:8443", False, True),
        ("https://[2606:4700::1]/x", False, True),
        ("https://bücher.example/x", False, True),
        ("http://example.com/", False, False),
        ("http://receiver.internal/", True, True),
        ("ftp://example.com/", True, False),
        ("file:///etc/passwd", True, False),
        ("https://user:password@example.com/", True, False),
        ("https://example.com/#part", False, False),
        ("https://example.com:0/", False, False),
        ("https://example.com:99999/", False, False),
        ("https://exam ple.com/", False, False),
        ("https://example.com/\r\nHost: other", False, False),
        ("https://[::1/", True, False),
        ("https://example.com\\\\@evil.example/", True, False),
        ("https:///path", True, False),
        ("", True, False),
    ],
)
def test_urls(url: str, allow_private: bool, good: bool) -> None:
    problem = url_problem(url, allow_private=allow_private)
    assert (problem is None) is good
    assert "password" not in (problem or "").replace("user, password or fragment", "")
