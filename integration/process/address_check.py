"""Tries the public address from this server as a browser would: name, port, certificate, and who answers there.

A proxy of ours gets a certificate at a name's first use, and asks us first (`integration/web/certificates.py`). So a
name is permitted here as soon as plain http shows that it leads to this installation.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Protocol
from urllib.parse import SplitResult, urlsplit

import aiohttp

from integration.errors import DozvonError
from integration.ports.findings import Finding, FindingLevel, error, ok, warning
from integration.texts import address as words

_SECONDS = 6.0  # for each look
_ISSUE_SECONDS = 60.0  # until an authority has tried the name and issued its first certificate
_SOON_DAYS = 14  # a certificate that ends by then was not renewed in time
_MOST_BYTES = 200  # of an answer


class Trials(Protocol):
    """How it is known who answers, and which name may get a certificate. Errors: Unavailable."""

    async def issue_ticket(self) -> str: ...

    async def try_name(self, host: str) -> None: ...


async def examine_address(
    url: str, session: aiohttp.ClientSession, trials: Trials, *, plain_port: int = 80
) -> list[Finding]:
    """
    In the order in which they depend on each other; nothing is looked at after an error. Never raises.

    Args:
        plain_port: where a proxy in front of an https address answers plain http, and an authority tries the name.
    """
    return [light async for light in _examine(urlsplit(url), session, trials, plain_port)]


async def _examine(
    url: SplitResult, session: aiohttp.ClientSession, trials: Trials, plain_port: int
) -> AsyncIterator[Finding]:
    host = url.hostname or ""
    port = url.port or (443 if url.scheme == "https" else 80)
    name = await _name(host, port)
    yield name
    if name.level is FindingLevel.ERROR:
        return
    if url.scheme == "https":
        leads_here = await _leads_here(f"http://{_bracketed(host)}:{plain_port}", host, session, trials)
        port_light = await _certificate(host, port, _ISSUE_SECONDS if leads_here else _SECONDS)
    else:
        port_light = await _port(host, port)
    yield port_light
    if port_light.level is not FindingLevel.ERROR:
        yield await _who_answers(f"{url.scheme}://{url.netloc}", session, trials)


async def _name(host: str, port: int) -> Finding:
    try:
        async with asyncio.timeout(_SECONDS):
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, TimeoutError):
        return error(words.ABOUT_NAME, words.NAME_UNKNOWN(host=host), words.NAME_UNKNOWN_REMEDY)
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    facts = {"host": host, "addresses": ", ".join(addresses[:4])}
    if all(ipaddress.ip_address(each.partition("%")[0]).is_private for each in addresses):
        return warning(words.ABOUT_NAME, words.ONLY_INSIDE(**facts), words.ONLY_INSIDE_REMEDY)
    return ok(words.ABOUT_NAME, words.NAME_FOUND(**facts))


async def _port(host: str, port: int) -> Finding:
    try:
        async with asyncio.timeout(_SECONDS):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError) as exc:
        return _not_reached(host, port, exc)
    writer.close()
    return warning(words.ABOUT_CERTIFICATE, words.NO_TLS, words.NO_TLS_REMEDY)


async def _leads_here(plain: str, host: str, session: aiohttp.ClientSession, trials: Trials) -> bool:
    """Whether we answer at the name by plain http; then it may get a certificate."""
    light = await _who_answers(plain, session, trials)
    if light.says.code != words.WE_ANSWER.code:
        return False
    try:
        await trials.try_name(host)
    except DozvonError:
        return False
    return True


async def _certificate(host: str, port: int, seconds: float) -> Finding:
    try:
        async with asyncio.timeout(seconds):
            _, writer = await asyncio.open_connection(host, port, ssl=ssl.create_default_context())
    except ssl.SSLCertVerificationError as exc:
        facts = {"detail": exc.verify_message or str(exc)}
        return error(words.ABOUT_CERTIFICATE, words.CERTIFICATE_BAD(**facts), words.CERTIFICATE_BAD_REMEDY)
    except ssl.SSLError as exc:
        facts = {"detail": exc.reason or str(exc)}
        return error(words.ABOUT_CERTIFICATE, words.CERTIFICATE_BAD(**facts), words.CERTIFICATE_BAD_REMEDY)
    except (OSError, TimeoutError) as exc:
        return _not_reached(host, port, exc)
    certificate = writer.get_extra_info("peercert") or {}
    writer.close()
    until = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC)
    facts = {"until": f"{until:%d.%m.%Y}"}
    if (until - datetime.now(UTC)).days < _SOON_DAYS:
        return warning(words.ABOUT_CERTIFICATE, words.CERTIFICATE_ENDS(**facts), words.CERTIFICATE_ENDS_REMEDY)
    return ok(words.ABOUT_CERTIFICATE, words.CERTIFICATE_GOOD(**facts))


async def _who_answers(origin: str, session: aiohttp.ClientSession, trials: Trials) -> Finding:
    """A request with a ticket of ours: only this installation can know it."""
    try:
        ticket = await trials.issue_ticket()
        asked = session.get(
            f"{origin}/reach/{ticket}",
            timeout=aiohttp.ClientTimeout(total=_SECONDS),
            allow_redirects=False,
        )
        async with asked as answer:
            said = (await answer.content.read(_MOST_BYTES)).decode("latin-1").strip()
            status = answer.status
    except (aiohttp.ClientError, OSError, TimeoutError, DozvonError, ValueError) as exc:
        facts = {"detail": str(exc) or type(exc).__name__}
        return error(words.ABOUT_DOZVON, words.NO_ANSWER(**facts), words.NO_ANSWER_REMEDY)
    if status == 200 and said == ticket:
        return ok(words.ABOUT_DOZVON, words.WE_ANSWER)
    return error(words.ABOUT_DOZVON, words.ANOTHER_ANSWERS(status=status), words.ANOTHER_ANSWERS_REMEDY)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _not_reached(host: str, port: int, exc: Exception) -> Finding:
    detail = getattr(exc, "strerror", None) or str(exc) or type(exc).__name__
    facts = {"host": host, "port": port, "detail": detail}
    return error(words.ABOUT_CERTIFICATE, words.NOT_REACHED(**facts), words.NOT_REACHED_REMEDY)
