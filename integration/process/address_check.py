"""Tries the public address from this server as a browser would: name, port, certificate, and who answers there."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from urllib.parse import SplitResult, urlsplit

import aiohttp

from integration.errors import DozvonError
from integration.ports.coordination import Coordination
from integration.ports.findings import FindingLevel
from integration.web.setup.address_lights import AddressLight, AddressTruth

_SECONDS = 6.0  # for each look
_TICKET_SECONDS = 60.0
_SOON_DAYS = 14  # a certificate that ends by then was not renewed in time
_MOST_BYTES = 200  # of an answer


async def examine_address(url: str, session: aiohttp.ClientSession, coordination: Coordination) -> list[AddressLight]:
    """In the order in which they depend on each other; nothing is looked at after an error. Never raises."""
    return [light async for light in _examine(urlsplit(url), session, coordination)]


async def _examine(
    url: SplitResult, session: aiohttp.ClientSession, coordination: Coordination
) -> AsyncIterator[AddressLight]:
    host = url.hostname or ""
    port = url.port or (443 if url.scheme == "https" else 80)
    name = await _name(host, port)
    yield name
    if name.level is FindingLevel.ERROR:
        return
    port_light = await (_certificate(host, port) if url.scheme == "https" else _port(host, port))
    yield port_light
    if port_light.level is not FindingLevel.ERROR:
        yield await _who_answers(url, session, coordination)


async def _name(host: str, port: int) -> AddressLight:
    try:
        async with asyncio.timeout(_SECONDS):
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, TimeoutError):
        return AddressLight(truth=AddressTruth.NAME_UNKNOWN, level=FindingLevel.ERROR, facts={"host": host})
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    facts = {"host": host, "addresses": ", ".join(addresses[:4])}
    if all(ipaddress.ip_address(each.partition("%")[0]).is_private for each in addresses):
        return AddressLight(truth=AddressTruth.ONLY_INSIDE, level=FindingLevel.WARNING, facts=facts)
    return AddressLight(truth=AddressTruth.NAME_FOUND, level=FindingLevel.OK, facts=facts)


async def _port(host: str, port: int) -> AddressLight:
    try:
        async with asyncio.timeout(_SECONDS):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError) as exc:
        return _not_reached(host, port, exc)
    writer.close()
    return AddressLight(truth=AddressTruth.NO_TLS, level=FindingLevel.WARNING)


async def _certificate(host: str, port: int) -> AddressLight:
    try:
        async with asyncio.timeout(_SECONDS):
            _, writer = await asyncio.open_connection(host, port, ssl=ssl.create_default_context())
    except ssl.SSLCertVerificationError as exc:
        facts = {"detail": exc.verify_message or str(exc)}
        return AddressLight(truth=AddressTruth.CERTIFICATE_BAD, level=FindingLevel.ERROR, facts=facts)
    except ssl.SSLError as exc:
        facts = {"detail": exc.reason or str(exc)}
        return AddressLight(truth=AddressTruth.CERTIFICATE_BAD, level=FindingLevel.ERROR, facts=facts)
    except (OSError, TimeoutError) as exc:
        return _not_reached(host, port, exc)
    certificate = writer.get_extra_info("peercert") or {}
    writer.close()
    until = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC)
    facts = {"until": f"{until:%d.%m.%Y}"}
    if (until - datetime.now(UTC)).days < _SOON_DAYS:
        return AddressLight(truth=AddressTruth.CERTIFICATE_ENDS, level=FindingLevel.WARNING, facts=facts)
    return AddressLight(truth=AddressTruth.CERTIFICATE_GOOD, level=FindingLevel.OK, facts=facts)


async def _who_answers(url: SplitResult, session: aiohttp.ClientSession, coordination: Coordination) -> AddressLight:
    """A request with a ticket of ours: only this installation can know it."""
    try:
        ticket = await coordination.issue_ticket({"reach": "us"}, ttl_seconds=_TICKET_SECONDS)
        asked = session.get(
            f"{url.scheme}://{url.netloc}/reach/{ticket}",
            timeout=aiohttp.ClientTimeout(total=_SECONDS),
            allow_redirects=False,
        )
        async with asked as answer:
            said = (await answer.content.read(_MOST_BYTES)).decode("latin-1").strip()
            status = answer.status
    except (aiohttp.ClientError, OSError, TimeoutError, DozvonError, ValueError) as exc:
        facts = {"detail": str(exc) or type(exc).__name__}
        return AddressLight(truth=AddressTruth.NO_ANSWER, level=FindingLevel.ERROR, facts=facts)
    if status == 200 and said == ticket:
        return AddressLight(truth=AddressTruth.WE_ANSWER, level=FindingLevel.OK)
    return AddressLight(truth=AddressTruth.ANOTHER_ANSWERS, level=FindingLevel.ERROR, facts={"status": status})


def _not_reached(host: str, port: int, exc: Exception) -> AddressLight:
    detail = getattr(exc, "strerror", None) or str(exc) or type(exc).__name__
    facts = {"host": host, "port": port, "detail": detail}
    return AddressLight(truth=AddressTruth.NOT_REACHED, level=FindingLevel.ERROR, facts=facts)
