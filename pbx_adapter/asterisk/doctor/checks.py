"""`dozvon doctor` for an Asterisk: tries everything that Dozvon needs, and says what to write into which file where
something fails. Opens its own connection, changes nothing and rings no phone."""

from __future__ import annotations

import asyncio
import os
import random
import re
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import aiohttp
import structlog

from integration.errors import AuthFailed, NotFound, ProtocolError, Rejected, Unavailable
from integration.ports.findings import Finding
from integration.ports.pbx import DialSample
from pbx_adapter.asterisk import people
from pbx_adapter.asterisk.ami.client import AmiCounters, AmiSession, Timing, connected, text
from pbx_adapter.asterisk.ami.commands import CHANNEL_ID_PREFIX, Action, question
from pbx_adapter.asterisk.ami.protocol import OldAsterisk
from pbx_adapter.asterisk.doctor.dialling import dialling
from pbx_adapter.asterisk.doctor.findings import error as _error
from pbx_adapter.asterisk.doctor.findings import ok as _ok
from pbx_adapter.asterisk.doctor.findings import warning as _warning
from pbx_adapter.asterisk.doctor.network import network
from pbx_adapter.asterisk.doctor.trunks import trunks
from pbx_adapter.asterisk.settings import AsteriskSettings

log = structlog.get_logger()

CONTEXT = "dozvon-doctor"
_AGI_SECONDS = 8.0  # the dialplan gives the server 5
_CLOCK_WARNING = 2.0  # seconds; more makes times in the CRM wrong
_CLOCK_ERROR = 60.0
_FRESH_SECONDS = 7 * 86400.0

NEEDED_ACTIONS = (
    # action, what for, the write class that gives it
    ("Originate", "click to call", "originate"),
    ("Hangup", "hanging up from the card", "call"),
    ("Redirect", "transfers from the card", "call"),
    ("BlindTransfer", "transfers from the card", "call"),
    ("CoreShowChannels", "finding calls under way after a lost link", "reporting"),
    ("Status", "finding calls under way after a lost link", "reporting"),
    ("CoreStatus", "noticing that the PBX was restarted", "reporting"),
    ("Filter", "keeping unneeded events off the network", "system"),
    ("ShowDialPlan", "this check of the dialplan", "reporting"),
)
RIGHTS = "read = system,call,agent,user,cdr,dialplan\nwrite = system,call,agent,originate,reporting"


async def diagnose(
    settings: AsteriskSettings,
    session: aiohttp.ClientSession,
    *,
    samples: Sequence[DialSample] = (),
    timing: Timing | None = None,
) -> list[Finding]:
    """All findings, in the order to mend them: the first error often causes the next ones. Never raises."""
    findings: list[Finding] = []
    try:
        findings += await _over_ami(settings, samples, timing or Timing())
        findings += await network(settings)
    except Exception:
        log.exception("the doctor failed")
        findings.append(_error("doctor", "this check failed unexpectedly", "send us Dozvon's log"))
    findings.append(await recordings(settings, session))
    return findings


async def _over_ami(settings: AsteriskSettings, samples: Sequence[DialSample], timing: Timing) -> list[Finding]:
    findings: list[Finding] = []
    try:
        async with connected(settings, wanted=None, timing=timing, counters=AmiCounters()) as session:
            where = f"{settings.host}:{settings.port}{' over TLS' if settings.tls else ''}"
            findings.append(_ok("connection", f"connected to {where}"))
            findings.append(_ok("login", f"logged in as {settings.username}"))
            findings.append(_version(session.banner))
            findings += await _rights(session, settings)
            findings.append(await _clock(session))
            findings += await _calls_and_people(session, settings)
            lines = await trunks(session, settings)
            findings += [lines] if lines else []
            findings += await _dialplan(session, settings)
            findings += await dialling(session, settings, samples)
    except AuthFailed:
        findings.append(_ok("connection", f"connected to {settings.host}:{settings.port}"))
        findings.append(
            _error(
                "login",
                f"the PBX refuses the user {settings.username} or its secret",
                f"write into manager.conf (FreePBX: manager_custom.conf):\n[{settings.username}]\nsecret = the one in "
                f"Dozvon's configuration\npermit = Dozvon's address/255.255.255.255\n{RIGHTS}\n"
                "then run: asterisk -rx 'manager reload'",
            )
        )
    except OldAsterisk as exc:
        remedy = "update the PBX to Asterisk 16 or newer: no setting helps"
        findings.append(_error("version", str(exc), remedy))
    except (Unavailable, ProtocolError) as exc:
        findings.append(_error("connection", str(exc), _connection_remedy(settings, str(exc))))
    return findings


def _connection_remedy(settings: AsteriskSettings, reason: str) -> str:
    if "certificate" in reason.lower():
        return "write the authority's file as tls.ca (for a self-signed certificate: the certificate itself)"
    kind = "tlsenable = yes and tlsbindaddr = 0.0.0.0" if settings.tls else "enabled = yes and bindaddr = 0.0.0.0"
    return (
        f"write {kind} and port = {settings.port} into [general] of manager.conf, permit = Dozvon's address under "
        f"[{settings.username}], open the port in the firewall, then run: asterisk -rx 'manager reload'"
    )


def _version(banner: str) -> Finding:
    match = re.search(r"/(\d+)\.", banner)
    major = int(match.group(1)) if match else 0
    if major < 5:  # 5 is Asterisk 16's
        return _warning("version", f"{banner}: older than Asterisk 16", "Dozvon is tested with Asterisk 16 to 22")
    return _ok("version", banner)


# ---- rights ----------------------------------------------------------------------------------------------------------


async def _rights(session: AmiSession, settings: AsteriskSettings) -> list[Finding]:
    """Which actions the PBX allows our user, and whether we get its boot event (read class `system`)."""
    response, _ = await session.ask(question("ListCommands"))
    user = settings.username
    findings = []
    missing = [(name, use, group) for name, use, group in NEEDED_ACTIONS if name not in response]
    for name, use, group in missing:
        findings.append(
            _error(
                f"permission {name}",
                f"{user} may not use {name}: needed for {use}",
                f"add {group} to write = under [{user}] in manager.conf, then: asterisk -rx 'manager reload'",
            )
        )
    if not missing:
        findings.append(_ok("permissions", f"{user} may use all {len(NEEDED_ACTIONS)} actions needed"))
    if "PlayDTMF" not in response and "Redirect" in response:  # the same right: so it is the module
        remedy = "load the module app_senddtmf.so (modules.conf), or dial such extensions on the phone"
        findings.append(_warning("tones", "the PBX cannot dial an extension as tones from the card", remedy))
    if "Command" in response:
        findings.append(
            _warning(
                "permission Command",
                f"{user} may run any command on the PBX; Dozvon does not need that",
                f"remove command and all from write = under [{user}] in manager.conf",
            )
        )
    if session.uptime is None:
        findings.append(_unread("system", "noticing restarts of the PBX", user))
    if "Filter" in response and not await session.set_filters():
        findings.append(
            _warning("event filter", "the PBX refuses filters", "nothing: Dozvon drops unneeded events itself")
        )
    elif "Filter" in response:
        findings.append(_ok("event filter", "the PBX does not send unneeded events"))
    return findings


def _unread(group: str, use: str, user: str) -> Finding:
    return _error(
        f"events {group}",
        f"{user} does not receive events of the class {group}: needed for {use}",
        f"add {group} to read = under [{user}] in manager.conf, then: asterisk -rx 'manager reload'",
    )


async def _clock(session: AmiSession) -> Finding:
    before = time.time()
    response, _ = await session.ask(question("Ping"))
    after = time.time()
    try:
        difference = float(text(response, "Timestamp")) - (before + after) / 2
    except ValueError:
        return _warning("clock", "the PBX does not send its time", "nothing to do: this check is left out")
    said = f"the PBX's clock is {abs(difference):.1f} s {'ahead of' if difference > 0 else 'behind'} ours"
    remedy = "let both machines take their time from NTP (timedatectl set-ntp true)"
    if abs(difference) > _CLOCK_ERROR:
        return _error("clock", said, remedy)
    if abs(difference) > _CLOCK_WARNING:
        return _warning("clock", said, remedy)
    return _ok("clock", said)


async def _calls_and_people(session: AmiSession, settings: AsteriskSettings) -> list[Finding]:
    findings = []
    try:
        _, rows = await session.ask(question("CoreShowChannels", is_list=True), timeout_seconds=15.0)
        findings.append(_ok("calls", f"{max(0, len(rows) - 1)} channels now"))
    except Rejected:
        pass  # reported with the permissions
    try:
        staff = await people.employees(session, settings.office)
    except Rejected:
        remedy = f"add system to write = under [{settings.username}] in manager.conf"
        return [*findings, _warning("employees", "Dozvon may not read the list of phones", remedy)]
    if not staff:
        remedy = "write extension_pattern in Dozvon's configuration so that it fits the names of your endpoints"
        return [*findings, _warning("employees", "no endpoint of the PBX looks like an employee's phone", remedy)]
    registered = sum(p.is_registered is True for p in staff)
    return [*findings, _ok("employees", f"{len(staff)} extensions, {registered} of them registered")]


# ---- the way back ----------------------------------------------------------------------------------------------------


async def _dialplan(session: AmiSession, settings: AsteriskSettings) -> list[Finding]:
    """Does the dialplan have our include, and does it reach a Dozvon that answers?"""
    try:
        for context in ("dozvon-inbound", CONTEXT):
            await session.ask(question("ShowDialPlan", is_list=True, Context=context), timeout_seconds=15.0)
    except NotFound:
        return [
            _error(
                "dialplan",
                "the dialplan does not have Dozvon's include: incoming calls are not routed by Dozvon",
                "copy extensions_dozvon.conf beside extensions.conf, write #include extensions_dozvon.conf into "
                f"extensions.conf (FreePBX: extensions_custom.conf) and DOZVON_AGI = {settings.agi_url} under "
                "[globals], then run: asterisk -rx 'dialplan reload'",
            )
        ]
    except Rejected:
        return []  # reported with the permissions
    findings = [_ok("dialplan", "the dialplan has Dozvon's include")]
    try:
        return findings + await _way_back(session, settings)
    except Rejected:
        return findings  # no right to originate: reported with the permissions


async def _way_back(session: AmiSession, settings: AsteriskSettings) -> list[Finding]:
    """A Local channel runs `dozvon-doctor`, which calls our FastAGI and sends the result as a UserEvent.

    Its events also show which event classes we receive.
    """
    unique = f"{CHANNEL_ID_PREFIX}doctor-{random.getrandbits(48):012x}"
    headers = (
        ("Channel", f"Local/s@{CONTEXT}/n"),
        ("Application", "Wait"),
        ("Data", "8"),
        ("Async", "true"),
        ("ChannelId", unique),
        ("OtherChannelId", f"{unique}-2"),
    )
    await session.ask(Action("Originate", headers, changes=True))
    seen: set[str] = set()
    told: dict[str, str] = {}
    deadline = asyncio.get_running_loop().time() + _AGI_SECONDS
    while "AgiStatus" not in told and (left := deadline - asyncio.get_running_loop().time()) > 0:
        for _, frame in await session.take(timeout_seconds=left):
            event = text(frame, "Event")
            if text(frame, "Linkedid") == unique:
                seen.add(event)
            if event == "UserEvent" and text(frame, "UserEvent") == "DozvonDoctor":
                told = {name: text(frame, name) for name in ("AgiStatus", "Answer", "Address")}
            elif event == "VarSet" and text(frame, "Linkedid") == unique and text(frame, "Variable") == "DOZVON_DO":
                told["Answer"] = text(frame, "Value") or told.get("Answer", "")
    return [*_classes(seen, settings.username), _agi(told, settings)]


def _classes(seen: Iterable[str], user: str) -> list[Finding]:
    uses = {
        "Newchannel": ("call", "seeing calls at all"),
        "VarSet": ("dialplan", "names of recordings, line numbers and why a phone was not reached"),
        "UserEvent": ("user", "this check of the way back"),
    }
    if not seen:
        return [_unread("call", "seeing calls at all", user)]
    missing = [_unread(group, use, user) for event, (group, use) in uses.items() if event not in seen]
    return missing or [_ok("events", "events of the classes call, dialplan and user arrive")]


def _agi(told: dict[str, str], settings: AsteriskSettings) -> Finding:
    if told.get("Answer") and told.get("Address", "").rpartition("/")[2] == settings.id:
        return _warning(
            "way back",
            "the PBX asks Dozvon at an address of the old form, which is easy to guess",
            f"write DOZVON_AGI = {settings.agi_url} under [globals] of extensions.conf (FreePBX: "
            "globals_custom.conf), then run: asterisk -rx 'dialplan reload'",
        )
    if told.get("Answer"):
        return _ok("way back", f"the PBX asks Dozvon at {told.get('Address') or settings.agi_url}, and Dozvon answers")
    status, address = told.get("AgiStatus", ""), told.get("Address", "")
    if "AgiStatus" in told and not address:
        said = "the dialplan has no DOZVON_AGI"
    elif status == "SUCCESS":
        said = f"a server at {address} answers, but not as Dozvon: is the last part of the address right, "
        said += "and does Dozvon's log name an address that it turned away (fastagi.allow)?"
    elif status in ("SILENT", "HANGUP"):
        said = f"a server listens at {address}, but does not answer in time"
    elif status:
        said = f"the PBX cannot reach Dozvon at {address}"
    else:
        said = "the PBX did not say whether it reaches Dozvon"
    return _error(
        "way back",
        said,
        f"write DOZVON_AGI = {settings.agi_url} under [globals] of extensions.conf (FreePBX: globals_custom.conf), "
        "run: asterisk -rx 'dialplan reload'; start Dozvon with an address in fastagi.host that the PBX reaches, "
        "and open the port in Dozvon's firewall",
    )


# ---- recordings ------------------------------------------------------------------------------------------------------


async def recordings(settings: AsteriskSettings, session: aiohttp.ClientSession) -> Finding:
    """Check whether recordings can be fetched. Never raises."""
    place = settings.recordings
    if place.path:
        return await asyncio.to_thread(_folder, Path(place.path))
    if place.url:
        return await _web(session, place.url, place.username, place.password)
    remedy = 'write recordings = { path = "/var/spool/asterisk/monitor" } (or url = "https://...") for this PBX'
    return _warning("recordings", "recordings is not configured: calls are logged without recordings", remedy)


def _folder(folder: Path) -> Finding:
    if not folder.is_dir():
        remedy = f"mount the PBX's monitor folder at {folder}, or correct recordings.path"
        return _error("recordings", f"there is no folder {folder}", remedy)
    if not os.access(folder, os.R_OK | os.X_OK):
        remedy = f"let Dozvon's user read it: setfacl -R -m u:dozvon:rX -d -m u:dozvon:rX {folder}"
        return _error("recordings", f"Dozvon may not read {folder}", remedy)
    newest = _newest(folder)
    if newest is None:
        return _ok("recordings", f"{folder} can be read; it has no recording yet")
    path, changed = newest
    if not os.access(path, os.R_OK):
        remedy = f"let Dozvon's user read new files too: setfacl -R -m u:dozvon:rX -d -m u:dozvon:rX {folder}"
        return _error("recordings", "Dozvon may not read the newest recording", remedy)
    age = time.time() - changed
    if age > _FRESH_SECONDS:
        remedy = "check that the lines are recorded, and that this is the folder in use"
        return _warning("recordings", f"the newest recording is {age / 86400:.0f} days old", remedy)
    return _ok("recordings", f"{folder} can be read; the newest recording is {age / 3600:.1f} hours old")


def _newest(folder: Path) -> tuple[Path, float] | None:
    """The newest file in the folder, or in its newest year/month/day, with the time of its last change."""
    for _ in range(4):
        try:
            entries = [entry for entry in os.scandir(folder) if not entry.name.startswith(".")]
            files = [(Path(e.path), e.stat().st_mtime) for e in entries if e.is_file()]
            folders = sorted(e.name for e in entries if e.is_dir() and e.name.isdecimal())
        except OSError:
            return None
        if files or not folders:
            return max(files, key=lambda file: file[1], default=None)
        folder = folder / folders[-1]
    return None


async def _web(session: aiohttp.ClientSession, url: str, username: str, password: str) -> Finding:
    auth = aiohttp.BasicAuth(username, password) if username else None
    timeout = aiohttp.ClientTimeout(total=10.0)
    try:
        async with session.get(url + "/", auth=auth, timeout=timeout) as answer:
            status = answer.status
    except (aiohttp.ClientError, TimeoutError, OSError) as exc:
        remedy = "correct recordings.url, and let the web server listen where Dozvon reaches it"
        return _error("recordings", f"the web server does not answer: {exc or 'no answer in time'}", remedy)
    if status == 401:
        remedy = "write recordings.username and recordings.password"
        return _error("recordings", "the web server refuses our name and password", remedy)
    if status >= 500:
        return _error("recordings", f"the web server answers {status}", "read the web server's log")
    # A server without directory listings answers 403 or 404 for its folder.
    return _ok("recordings", f"the web server answers {status}")
