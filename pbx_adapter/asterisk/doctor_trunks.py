"""The doctor's look at lines to the outside that Dozvon would take for employees' phones."""

from __future__ import annotations

import re
from dataclasses import dataclass

from integration.errors import Rejected
from integration.ports import Finding
from pbx_adapter.asterisk.client import AmiSession, text
from pbx_adapter.asterisk.commands import question
from pbx_adapter.asterisk.findings import ok, warning
from pbx_adapter.asterisk.settings import AsteriskSettings

_MOST_LOOKED_AT = 200  # endpoints; each is its own question


@dataclass(frozen=True, slots=True)
class _Line:
    """An endpoint that looks like a line: it logs in elsewhere, or is known by its address instead of logging in."""

    name: str
    context: str


async def trunks(session: AmiSession, settings: AsteriskSettings) -> Finding | None:
    """
    A line is known by `trunks`, or by the context in which its calls enter. One that is known by neither is told apart
    by the numbers that it shows, and a number of six digits or fewer looks like an extension.

    Returns:
        None where the PBX does not let us look. Raises: Unavailable.
    """
    try:
        lines = await _pjsip_lines(session, settings)
        lines += await _sip_lines(session, settings)
    except Rejected:
        return None  # said among the permissions
    unknown = sorted(line.name for line in lines if not _is_known(line, settings))
    if not unknown:
        return ok("trunks", f"{len(lines)} lines to the outside are known as such" if lines else "no line is unknown")
    names = ", ".join(f'"{name}"' for name in sorted({*settings.trunks, *unknown}))
    return warning(
        "trunks",
        f"{', '.join(unknown)}: looks like a line to the outside, and its context does not say so; a "
        "call on it with a short number (up to 6 digits) is taken for an employee's",
        f"write trunks = [{names}] into Dozvon's configuration (leave out what is a phone)",
    )


def _is_known(line: _Line, settings: AsteriskSettings) -> bool:
    return line.name in settings.trunks or re.match(settings.trunk_contexts, line.context) is not None


async def _pjsip_lines(session: AmiSession, settings: AsteriskSettings) -> list[_Line]:
    try:
        _, rows = await session.ask(question("PJSIPShowEndpoints", is_list=True), timeout_seconds=15.0)
    except Rejected as exc:
        if exc.code == "permission_denied":
            raise
        return []  # no chan_pjsip here
    rows = [row for row in rows if text(row, "Event") == "EndpointList" and text(row, "ObjectName")]
    # Phones have extensions for names: those that do not log in elsewhere need no question.
    rows = [
        row
        for row in rows
        if text(row, "OutboundAuths") or settings.office.as_extension(text(row, "ObjectName")) is None
    ]
    lines = []
    for row in rows[:_MOST_LOOKED_AT]:
        name = text(row, "ObjectName")
        try:
            _, details = await session.ask(question("PJSIPShowEndpoint", is_list=True, Endpoint=name))
        except Rejected:
            continue
        context = next((text(each, "Context") for each in details if text(each, "Event") == "EndpointDetail"), "")
        by_address = any(text(each, "Event") == "IdentifyDetail" for each in details)
        if by_address or text(row, "OutboundAuths"):
            lines.append(_Line(name, context))
    return lines


async def _sip_lines(session: AmiSession, settings: AsteriskSettings) -> list[_Line]:
    try:
        _, rows = await session.ask(question("SIPpeers", is_list=True), timeout_seconds=15.0)
    except Rejected as exc:
        if exc.code == "permission_denied":
            raise
        return []
    names = [text(row, "ObjectName") for row in rows if text(row, "Dynamic").lower() == "no"]
    lines = []
    for name in [name for name in names if settings.office.as_extension(name) is None][:_MOST_LOOKED_AT]:
        try:
            peer, _ = await session.ask(question("SIPshowpeer", Peer=name))
        except Rejected:
            continue
        lines.append(_Line(name, text(peer, "Context")))
    return lines
