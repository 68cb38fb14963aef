"""Network addresses: which may be spoken to. Decided on the address that is connected to, never on a name."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

Address = IPv4Address | IPv6Address

# Machines' own secrets are served there: nobody is to be sent there, even where private addresses are allowed.
# Azure's is a public address, Alibaba's and AWS' second one are in private ranges.
_METADATA: Final = frozenset(
    map(ip_address, ("169.254.169.254", "168.63.129.16", "100.100.100.200", "192.0.0.192", "fd00:ec2::254"))
)
_PRIVATE: Final = tuple(map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")))
# Whatever Python calls global: what the internet routes of IPv6.
_UNICAST: Final = IPv6Network("2000::/3")
_IPV4_COMPATIBLE: Final = IPv6Network("::/96")
_NAT64: Final = IPv6Network("64:ff9b::/96")

# Not public in every Python 3.11 to 3.13: their lists differ between patch releases.
_NEVER: Final = tuple(
    ip_network(block)
    for block in (
        "0.0.0.0/8",
        "100.64.0.0/10",
        "192.0.0.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "240.0.0.0/4",
        "::/96",
        "64:ff9b:1::/48",
        "100::/64",
        "2001:2::/48",
        "2001:10::/28",
        "2001:20::/28",
        "2001:db8::/32",
        "3fff::/20",
        "5f00::/16",
        "fec0::/10",
    )
)


def is_public(address: str) -> bool:
    """Return whether an IP address is one of the public internet: not of this machine, a local network or reserved.

    An IPv6 address that carries an IPv4 address is as public as that one. What is no address, a name for instance,
    is not public.

    >>> is_public("93.184.215.14"), is_public("127.0.0.1"), is_public("::ffff:10.0.0.1"), is_public("localhost")
    (True, False, False, False)
    """
    try:
        return refusal(address.strip("[]"), allow_private=False) is None
    except ValueError:
        return False


def refusal(address: str, *, allow_private: bool) -> str | None:
    """Return why nothing is sent to an address, None where it may be.

    Args:
        address: IPv4 or IPv6, as the resolver gave it, maybe with a scope (`fe80::1%eth0`).
        allow_private: it may be in a private network, or on this machine.

    Raises:
        ValueError: it is no address.
    """
    ip = _innermost(ip_address(address.partition("%")[0]))
    if ip in _METADATA:
        return "a cloud's metadata service"
    if ip.is_unspecified:
        return "an unspecified address"
    if ip.is_multicast:
        return "a multicast address"
    if ip.is_link_local:
        return "a link-local address"
    if ip.is_loopback:
        return None if allow_private else "a loopback address"
    if any(ip in network for network in _PRIVATE if network.version == ip.version):
        return None if allow_private else "a private address"
    if ip.is_reserved or not ip.is_global or (ip.version == 6 and ip not in _UNICAST) or _is_never_public(ip):
        return "a reserved address"
    return None


def _is_never_public(ip: Address) -> bool:
    return any(ip.version == block.version and ip in block for block in _NEVER)


def _innermost(ip: Address) -> Address:
    """Return the IPv4 address that an IPv6 address stands for: mapped, translated or tunnelled; else itself."""
    if isinstance(ip, IPv4Address):
        return ip
    if ip.ipv4_mapped is not None:
        return ip.ipv4_mapped
    if ip.sixtofour is not None:
        return ip.sixtofour
    if ip.teredo is not None:
        return ip.teredo[1]
    if ip in _NAT64 or (ip in _IPV4_COMPATIBLE and int(ip) > 1):
        return IPv4Address(int(ip) & 0xFFFF_FFFF)
    return ip
