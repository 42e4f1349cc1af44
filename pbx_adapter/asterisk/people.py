"""Employees as the PBX knows them: PJSIP endpoints, or chan_sip peers on old systems."""

from __future__ import annotations

import re

from integration.errors import Rejected, Unavailable
from integration.ports.pbx import PbxEmployee
from pbx_adapter.asterisk.ami.client import AmiSession, text
from pbx_adapter.asterisk.ami.commands import question
from pbx_adapter.asterisk.ami.protocol import Frame
from pbx_adapter.asterisk.tracker.office import OfficeShape, present

_MOST_NAMES = 500  # each name needs a separate request
_CALLER_ID_SECONDS = 1.0  # an employee waits for the phone to ring
_NAME = re.compile(r'\s*"?([^"<]*)"?\s*(?:<.*>)?\s*')


async def employees(session: AmiSession, office: OfficeShape) -> list[PbxEmployee]:
    """
    Employees by extension. A person with several devices is listed once.

    Raises:
        Rejected: our user may not ask (write class `system`). Unavailable.
    """
    try:
        found = await _pjsip(session, office)
    except Rejected as exc:
        if exc.code == "permission_denied":
            raise
        found = []  # no chan_pjsip here
    if not found:
        found = await _chan_sip(session, office)
    mailboxes = await _mailboxes(session) if found else {}
    merged: dict[str, PbxEmployee] = {}
    for person in found:
        known = merged.get(person.extension)
        registered = bool(person.is_registered or (known and known.is_registered))
        name, email = mailboxes.get(person.extension, ("", ""))
        merged[person.extension] = PbxEmployee(
            extension=person.extension,
            name=(known.name if known else "") or person.name or name,
            is_registered=registered,
            email=email,
            devices=((*known.devices, *person.devices) if known else person.devices),
        )
    return [merged[extension] for extension in sorted(merged)]


async def _mailboxes(session: AmiSession) -> dict[str, tuple[str, str]]:
    """Mailbox -> name and e-mail, as FreePBX and many offices write them there; empty where there is no voicemail."""
    try:
        _, rows = await session.ask(question("VoicemailUsersList", is_list=True), timeout_seconds=15.0)
    except Rejected:
        return {}
    return {
        text(row, "VoiceMailbox"): (present(row.get("Fullname")), present(row.get("Email")))
        for row in rows
        if text(row, "Event") == "VoicemailUserEntry"
    }


async def _pjsip(session: AmiSession, office: OfficeShape) -> list[PbxEmployee]:
    _, rows = await session.ask(question("PJSIPShowEndpoints", is_list=True), timeout_seconds=15.0)
    found: list[PbxEmployee] = []
    for row in rows:
        name = text(row, "ObjectName")
        extension = office.as_extension(name)
        if text(row, "Event") != "EndpointList" or extension is None or name in office.trunks:
            continue
        label = await _callerid(session, name) if len(found) < _MOST_NAMES else ""
        registered = bool(text(row, "Contacts").strip(",")) and text(row, "DeviceState") != "Unavailable"
        devices = (f"PJSIP/{name}",)
        found.append(PbxEmployee(extension=extension, name=label, is_registered=registered, devices=devices))
    return found


async def _callerid(session: AmiSession, endpoint: str) -> str:
    """The name in the endpoint's `callerid`; the list of endpoints does not have it."""
    try:
        _, rows = await session.ask(question("PJSIPShowEndpoint", is_list=True, Endpoint=endpoint))
    except Rejected:
        return ""
    said = next((text(row, "Callerid") for row in rows if text(row, "Event") == "EndpointDetail"), "")
    match = _NAME.fullmatch(said)
    return match.group(1).strip() if match and said != "<unknown>" else ""


async def _chan_sip(session: AmiSession, office: OfficeShape) -> list[PbxEmployee]:
    try:
        _, rows = await session.ask(question("SIPpeers", is_list=True), timeout_seconds=15.0)
    except Rejected as exc:
        if exc.code == "permission_denied":
            raise
        return []
    return [_peer(row, extension) for row in rows if (extension := office.as_extension(text(row, "ObjectName")))]


async def has_caller_id(session: AmiSession, channel: str) -> bool:
    """
    Whether the phone that `PJSIP/101` or `SIP/101` rings has a number in its `callerid`. Dialplans often send that
    number to the carrier, or, if there is none, the number that the phone itself sends. False if the PBX does not tell.
    """
    tech, _, endpoint = channel.partition("/")
    try:
        if tech == "PJSIP":
            ask = question("PJSIPShowEndpoint", is_list=True, Endpoint=endpoint)
            _, rows = await session.ask(ask, timeout_seconds=_CALLER_ID_SECONDS)
        elif tech == "SIP":
            answer, _ = await session.ask(question("SIPshowpeer", Peer=endpoint), timeout_seconds=_CALLER_ID_SECONDS)
            rows = [answer]
        else:
            return False  # Local and the like: a doorway has none
    except (Rejected, Unavailable):
        return False
    return any(re.search(r"<\+?\d+>", text(row, "Callerid")) for row in rows)


def _peer(row: Frame, extension: str) -> PbxEmployee:
    registered = text(row, "Status").startswith("OK") or text(row, "IPaddress") not in ("", "-none-")
    devices = (f"SIP/{text(row, 'ObjectName')}",)
    name = text(row, "Description")
    return PbxEmployee(extension=extension, name=name, is_registered=registered, devices=devices)
