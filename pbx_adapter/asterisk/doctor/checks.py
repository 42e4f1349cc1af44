"""`dozvon doctor` for an Asterisk: tries everything that Dozvon needs, and says what to write into which file where
something fails. Opens its own connection, changes nothing but its own variable, and rings no phone."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence

import aiohttp
import structlog

from integration.domain.campaigns.needs import NO_CAMPAIGNS, CampaignNeeds
from integration.domain.connections.state import StateReason
from integration.domain.sentences import Sentence, Words
from integration.errors import AuthFailed, DozvonError, ProtocolError, Rejected, Unavailable
from integration.ports.findings import Finding, error, ok, warning
from integration.ports.pbx import DialSample
from integration.texts.connections import REASONS
from pbx_adapter.asterisk import people
from pbx_adapter.asterisk.ami.client import AmiCounters, AmiSession, Timing, connected, text
from pbx_adapter.asterisk.ami.commands import question
from pbx_adapter.asterisk.ami.protocol import OldAsterisk
from pbx_adapter.asterisk.doctor import check_texts as about
from pbx_adapter.asterisk.doctor import texts
from pbx_adapter.asterisk.doctor.campaigns import campaigns
from pbx_adapter.asterisk.doctor.dialling import dialling
from pbx_adapter.asterisk.doctor.network import network
from pbx_adapter.asterisk.doctor.recordings import recordings
from pbx_adapter.asterisk.doctor.rights import RIGHTS, rights
from pbx_adapter.asterisk.doctor.trunks import trunks
from pbx_adapter.asterisk.doctor.way_back import dialplan
from pbx_adapter.asterisk.flavours import product
from pbx_adapter.asterisk.settings import AsteriskSettings

log = structlog.get_logger()

_CLOCK_WARNING = 2.0  # seconds; more makes times in the CRM wrong
_CLOCK_ERROR = 60.0
_OLDEST_TRIED, _NEWEST_TRIED = 5, 11
"""Majors of AMI: 5 is Asterisk 16's, 11 is 22's."""


async def diagnose(
    settings: AsteriskSettings,
    session: aiohttp.ClientSession,
    *,
    samples: Sequence[DialSample] = (),
    needs: CampaignNeeds = NO_CAMPAIGNS,
    timing: Timing | None = None,
) -> list[Finding]:
    """All findings, in the order to mend them: the first error often causes the next ones. Never raises."""
    findings: list[Finding] = []
    try:
        findings += await _over_ami(settings, samples, needs, timing or Timing())
        findings += await network(settings)
    except Exception:
        log.exception("the doctor failed")
        findings.append(error(about.DOCTOR, texts.CHECK_FAILED, texts.SEND_THE_LOG))
    findings.append(await recordings(settings, session))
    return findings


async def _over_ami(
    settings: AsteriskSettings, samples: Sequence[DialSample], needs: CampaignNeeds, timing: Timing
) -> list[Finding]:
    findings: list[Finding] = []
    try:
        async with connected(settings, wanted=None, timing=timing, counters=AmiCounters()) as session:
            findings.append(_connected(settings))
            findings.append(ok(about.LOGIN, texts.LOGGED_IN(user=settings.username)))
            findings.append(version(session.banner))
            findings += await rights(session, settings)
            findings.append(clock(await clock_ahead(session)))
            findings += await _calls_and_people(session, settings)
            lines = await trunks(session, settings)
            findings += [lines] if lines else []
            findings += await dialplan(session, settings)
            findings += await campaigns(session, settings, needs)
            findings += await dialling(session, settings, samples)
    except (AuthFailed, Unavailable, ProtocolError) as exc:
        findings += no_session(settings, exc)
    return findings


def no_session(settings: AsteriskSettings, exc: DozvonError) -> list[Finding]:
    """The findings for an error of connecting or logging in, or for a link lost in the middle."""
    manager_file = product(settings.flavour).manager_file
    if isinstance(exc, AuthFailed):
        advice = texts.WRITE_THE_USER(section=settings.username, file=manager_file, rights=RIGHTS)
        refused = error(about.LOGIN, texts.LOGIN_REFUSED(user=settings.username), advice)
        return [_connected(settings), refused]
    if isinstance(exc, OldAsterisk):
        return [error(about.VERSION, texts.TOO_OLD(banner=exc.banner), texts.UPDATE_IT)]
    says = texts.NO_CONNECTION(why=_why(exc), detail=str(exc))
    return [error(about.CONNECTION, says, _connection_remedy(settings, exc, manager_file))]


def _why(exc: DozvonError) -> Sentence:
    """The same reason as the state of the connection says it."""
    code = exc.fault.code if exc.fault is not None else StateReason.LINK_LOST.value
    return Sentence(Words(code, *REASONS[code]), dict(exc.fault.detail) if exc.fault is not None else {})


def _connected(settings: AsteriskSettings) -> Finding:
    says = texts.CONNECTED_TLS if settings.tls else texts.CONNECTED
    return ok(about.CONNECTION, says(where=f"{settings.host}:{settings.port}"))


def _connection_remedy(settings: AsteriskSettings, exc: DozvonError, manager_file: str) -> Sentence:
    if exc.fault is not None and exc.fault.code == StateReason.TLS_UNTRUSTED:
        return texts.NAME_THE_AUTHORITY()
    advice = texts.OPEN_THE_TLS_PORT if settings.tls else texts.OPEN_THE_PORT
    return advice(file=manager_file, port=settings.port, section=settings.username)


def version(banner: str, named: str = "") -> Finding:
    """
    Whether this version was tried.

    Args:
        banner: the greeting of the manager port, `Asterisk Call Manager/11.0.0`.
        named: as the PBX names itself (`22.10.1`), where it may be asked.
    """
    match = re.search(r"/(\d+)\.", banner)
    shown = f"{banner}, Asterisk {named}" if named else banner
    if match is None:
        return warning(about.VERSION, texts.VERSION_UNKNOWN(version=shown), texts.TRIED_WITH)
    major = int(match.group(1))
    if major < _OLDEST_TRIED:
        return warning(about.VERSION, texts.OLDER_THAN_TRIED(version=shown), texts.TRIED_WITH)
    if major > _NEWEST_TRIED:
        return warning(about.VERSION, texts.NEWER_THAN_TRIED(version=shown), texts.TRIED_WITH)
    return ok(about.VERSION, texts.VERSION_IS(version=shown))


async def clock_ahead(session: AmiSession) -> float | None:
    """Seconds by which the PBX's clock is ahead of ours; None if it does not tell. Raises: Unavailable."""
    before = time.time()
    try:
        response, _ = await session.ask(question("Ping"))
        return float(text(response, "Timestamp")) - (before + time.time()) / 2
    except (ValueError, Rejected):
        return None


def clock(difference: float | None) -> Finding:
    """The finding about that difference."""
    if difference is None:
        return warning(about.CLOCK, texts.NO_TIME, texts.NO_TIME_NEEDED)
    says = (texts.CLOCK_AHEAD if difference > 0 else texts.CLOCK_BEHIND)(seconds=f"{abs(difference):.1f}")
    if abs(difference) > _CLOCK_ERROR:
        return error(about.CLOCK, says, texts.USE_NTP)
    if abs(difference) > _CLOCK_WARNING:
        return warning(about.CLOCK, says, texts.USE_NTP)
    return ok(about.CLOCK, says)


async def _calls_and_people(session: AmiSession, settings: AsteriskSettings) -> list[Finding]:
    findings = []
    try:
        _, rows = await session.ask(question("CoreShowChannels", is_list=True), timeout_seconds=15.0)
        findings.append(ok(about.CALLS, texts.CHANNELS_NOW(count=max(0, len(rows) - 1))))
    except Rejected:
        pass  # reported with the permissions
    try:
        staff = await people.employees(session, settings.office)
    except Rejected:
        file = product(settings.flavour).manager_file
        advice = texts.ADD_WRITE(group="system", section=settings.username, file=file)
        return [*findings, warning(about.EMPLOYEES, texts.PHONES_HIDDEN, advice)]
    if not staff:
        return [*findings, warning(about.EMPLOYEES, texts.NO_PHONES, texts.SET_THE_PATTERN)]
    registered = sum(p.is_registered is True for p in staff)
    return [*findings, ok(about.EMPLOYEES, texts.PHONES_FOUND(count=len(staff), registered=registered))]
