"""The doctor's check for trunks that Dozvon would take for employees' phones."""

from __future__ import annotations

import re
from dataclasses import dataclass

from integration.errors import Rejected
from integration.ports.findings import Finding, ok, warning
from pbx_adapter.asterisk.ami.client import AmiSession, text
from pbx_adapter.asterisk.ami.commands import question
from pbx_adapter.asterisk.doctor import check_texts as about
from pbx_adapter.asterisk.doctor import texts
from pbx_adapter.asterisk.settings import AsteriskSettings

_MOST_LOOKED_AT = 200  # endpoints; each takes a request


@dataclass(frozen=True, slots=True)
class _Line:
    """An endpoint that looks like a trunk: the PBX logs in to it, or recognises it by its address without a login."""

    name: str
    context: str


async def trunks(session: AmiSession, settings: AsteriskSettings) -> Finding | None:
    """
    Find trunks that neither `trunks` nor the context of their calls identifies. Dozvon then goes by the numbers they
    show, and a number of up to six digits looks like an extension.

    Returns:
        None if the PBX does not let us look. Raises: Unavailable.
    """
    try:
        lines = await _pjsip_lines(session, settings)
        lines += await _sip_lines(session, settings)
    except Rejected:
        return None  # reported with the permissions
    unknown = sorted(line.name for line in lines if not _is_known(line, settings))
    if not unknown:
        says = texts.TRUNKS_KNOWN(count=len(lines)) if lines else texts.NO_UNKNOWN_TRUNK()
        return ok(about.TRUNKS, says)
    names = ", ".join(f'"{name}"' for name in sorted({*settings.trunks, *unknown}))
    return warning(about.TRUNKS, texts.TRUNKS_UNKNOWN(names=", ".join(unknown)), texts.NAME_THE_TRUNKS(names=names))


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
    # A phone is named by its extension. Only endpoints with other names, or with an outbound login, may be trunks.
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
