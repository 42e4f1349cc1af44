"""Finds the client's address: the peer's, or behind a trusted proxy the address that the proxy names."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from aiohttp import web

Network = IPv4Network | IPv6Network
_Address = IPv4Address | IPv6Address
_MOST_HOPS = 20


class ClientAddresses:
    """
    Reads `X-Forwarded-For` only if the peer is a proxy that the administrator named: anybody can send the header.
    """

    def __init__(self, trusted: Sequence[Network] = ()) -> None:
        self._trusted = tuple(trusted)

    def of(self, request: web.BaseRequest) -> str:
        """The client's address as text; empty for a Unix socket. Never raises."""
        peer = _read(request.remote or "")
        if peer is None:
            return request.remote or ""
        if not self.trusts(peer):
            return str(peer)
        client = peer
        # From the right: trusted proxies append the right-most entries; the client may have invented those before.
        for text in reversed(",".join(request.headers.getall("X-Forwarded-For", [])).split(",")[-_MOST_HOPS:]):
            hop = _read(text)
            if hop is None:
                break
            client = hop
            if not self.trusts(hop):
                break
        return str(client)

    def group_of(self, request: web.BaseRequest) -> str:
        """The key to count clients by: an IPv4 address, or the /64 of an IPv6 address, which one customer gets."""
        return group(self.of(request))

    def trusts(self, address: _Address | str) -> bool:
        read = _read(address) if isinstance(address, str) else address
        return read is not None and any(read.version == net.version and read in net for net in self._trusted)


def group(address: str) -> str:
    """Like `ClientAddresses.group_of`."""
    read = _read(address)
    return str(ip_network((read, 64), strict=False)) if isinstance(read, IPv6Address) else address


def _read(text: str) -> _Address | None:
    """Read `192.0.2.1`, `::1`, and the forms with a port that proxies write: `192.0.2.1:1234`, `[::1]:1234`."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        read = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return read.ipv4_mapped or read if isinstance(read, IPv6Address) else read
