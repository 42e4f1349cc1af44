"""Which addresses may ask over FastAGI, and whether an address is this machine, in its network or behind a router."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from integration.errors import ConfigError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

LOOPBACK: tuple[str, ...] = ("127.0.0.0/8", "::1/128")
_LOOK_UP_SECONDS = 2.0
_AGAIN_SECONDS = 10.0  # between two look-ups of a name, so that a stranger's connections do not cause one each
_ROUTES = Path("/proc/net/route")
_GATEWAY = 0x2  # RTF_GATEWAY of a route's flags


def network_of(text: str) -> Network:
    """
    Read `10.0.0.5` or `10.0.0.0/24`.

    Raises:
        ConfigError: it is neither an address nor a network.
    """
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError as exc:
        raise ConfigError(f'{text!r} is no address: write for example "10.0.0.5" or "10.0.0.0/24"') from exc


def is_network(text: str) -> bool:
    """Whether `network_of` reads it."""
    try:
        network_of(text)
    except ConfigError:
        return False
    return True


def address_of(text: str) -> Address | None:
    """Read the address of a peer as a socket gives it; IPv4 mapped to IPv6 becomes IPv4. None for anything else."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


class MayAsk:
    """
    The addresses that may ask: the configured networks, and the addresses of the PBX's host name.

    Args:
        networks: see `network_of`.
        host: of the PBX; its addresses may ask too. If it is this machine, every address of this machine may. None:
            only the networks may.

    Raises:
        ConfigError: a network cannot be read.
    """

    def __init__(self, networks: Iterable[str] = LOOPBACK, *, host: str | None = None) -> None:
        self._networks = [network_of(text) for text in networks]
        self._host = host
        self._found: frozenset[Address] = frozenset()
        self._is_here = False
        self._looked_up_at: float | None = None
        self._looking_up = asyncio.Lock()

    async def allows(self, peer: str) -> bool:
        """Whether this peer may ask. Before a refusal it looks the host name up again, at most every ten seconds."""
        address = address_of(peer)
        if address is None:
            return False
        if self._covers(address):
            return True
        if self._host is None:
            return False
        async with self._looking_up:
            now = time.monotonic()
            if self._looked_up_at is None or now - self._looked_up_at >= _AGAIN_SECONDS:
                found = await addresses_of(self._host)
                if found:  # an unreachable name server must not revoke addresses
                    self._found = frozenset(found)
                    self._is_here = any(is_here(each) for each in found)
                self._looked_up_at = time.monotonic()
        return self._covers(address)

    def _covers(self, address: Address) -> bool:
        if address in self._found or any(address in network for network in self._networks):
            return True
        return self._is_here and is_here(address)


async def addresses_of(host: str) -> Sequence[Address]:
    """The addresses of a name (or of an address); empty if there is none, or no answer in time."""
    with contextlib.suppress(OSError, TimeoutError, UnicodeError):
        async with asyncio.timeout(_LOOK_UP_SECONDS):
            rows = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
        return [address for row in rows if (address := address_of(str(row[4][0]))) is not None]
    return ()


def is_here(address: Address) -> bool:
    """Whether this is an address of this machine: then it is also our own address towards it. Sends nothing."""
    return address.is_loopback or own_address_towards(address) == address


def own_address_towards(address: Address) -> Address | None:
    """Our address as a peer at `address` sees it; None if there is no route. Sends nothing."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((str(address), 9))
        return address_of(str(probe.getsockname()[0]))
    return None


def is_behind_router(address: Address) -> bool:
    """Whether packets to this address leave our network: by Linux's routing table, else by the kind of address."""
    if is_here(address):
        return False
    if isinstance(address, ipaddress.IPv4Address):
        with contextlib.suppress(OSError, ValueError, IndexError):
            return _goes_through_gateway(address, _ROUTES.read_text(encoding="ascii").splitlines()[1:])
    return not (address.is_private or address.is_link_local)


def _goes_through_gateway(address: ipaddress.IPv4Address, rows: Iterable[str]) -> bool:
    """Rows of /proc/net/route: interface, destination, gateway, flags, ..., mask in column 7; numbers are little-endian
    hexadecimals. The longest mask wins. Raises: ValueError, IndexError for rows of another form."""
    best: tuple[int, bool] | None = None
    for row in rows:
        words = row.split()
        destination, mask = (int.from_bytes(bytes.fromhex(words[place]), "little") for place in (1, 7))
        if int(address) & mask == destination and (best is None or mask > best[0]):
            best = (mask, bool(int(words[3], 16) & _GATEWAY))
    return best is None or best[1]
