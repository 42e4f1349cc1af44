"""Lets one phone ring, to see whether it does, and hangs up when it answers."""

from __future__ import annotations

import asyncio
import contextlib
import re
from dataclasses import replace

from integration.errors import NotFound, Rejected
from integration.ports.pbx_setup import RingOutcome, RingResult
from pbx_adapter.asterisk.ami import commands, own_tests
from pbx_adapter.asterisk.ami.client import AmiCounters, AmiSession, Timing, connected, text
from pbx_adapter.asterisk.ami.commands import question
from pbx_adapter.asterisk.ami.protocol import Frame
from pbx_adapter.asterisk.settings import AsteriskSettings
from pbx_adapter.asterisk.setup.endpoints import MOST_DEVICES

LONGEST_RING = 60.0  # seconds
TALK_SECONDS = 3  # of a call that is recorded
_OWN_RECORDING = re.compile(r"dozvon-rehearsal-[0-9a-f]{1,40}\.wav")
_GRACE = 4.0  # seconds after the PBX should have given up ringing
_CAUSE_SECONDS = 0.5
_REASON_RANG_OUT = (
    "3"  # of OriginateResponse; every other failure is 0. Source: reference of AMI, measured on 16 and 22
)
_BY_CAUSE = {
    "17": RingResult.BUSY,
    "21": RingResult.DECLINED,
    "18": RingResult.NOT_REGISTERED,
    "20": RingResult.NOT_REGISTERED,
    "1": RingResult.NO_SUCH_EXTENSION,
}
"""Q.850 of the phone's own channel."""


async def ring(
    settings: AsteriskSettings, extension: str, seconds: float, *, timing: Timing, record_as: str = ""
) -> RingOutcome:
    """
    Ring the extension's own phone, not its forwards.

    Args:
        record_as: let the PBX record three seconds of talk into the recordings' folder, as a file of this name.

    Raises:
        Rejected: this cannot be an extension, or our user may not originate. AuthFailed, Unavailable, ProtocolError.
    """
    if record_as and not is_own_recording(record_as):
        raise Rejected(f"{record_as} is no name for a recording of ours")
    request = own_tests.request_id(own_tests.RING)
    wait = min(max(seconds, 1.0), LONGEST_RING)
    commands.checked_extension(extension)
    async with connected(settings, wanted=None, timing=timing, counters=AmiCounters()) as session:
        await session.set_filters()
        device, known = await _device(session, settings, extension)
        if known is not None:
            return RingOutcome(result=known, device=device)
        talk = TALK_SECONDS if record_as else 0
        action = commands.ring(request_id=request, channel=device, timeout_seconds=wait, talk_seconds=talk)
        await session.ask(action, action_id=commands.channel_id(request))
        try:
            async with asyncio.timeout(wait + _GRACE):
                outcome, channel = await _outcome(session, commands.channel_id(request), device)
            if record_as and outcome.result is RingResult.ANSWERED:
                return replace(outcome, is_recorded=await _is_recorded(session, settings, channel, record_as))
            return outcome
        except TimeoutError:
            await _give_up(session, commands.channel_id(request))
            return RingOutcome(result=RingResult.FAILED, device=device)


def is_own_recording(file: str) -> bool:
    return _OWN_RECORDING.fullmatch(file) is not None


async def _is_recorded(session: AmiSession, settings: AsteriskSettings, channel: str, file: str) -> bool:
    """Record until the phone hangs up, or our seconds are over. False: the PBX refuses, or nobody would find it."""
    place = settings.recordings
    if not (place.path or place.url):
        return False
    try:
        await session.ask(commands.record(channel, f"{place.pbx_path.rstrip('/')}/{file}"))
    except Rejected:
        return False
    clock = asyncio.get_running_loop().time
    until = clock() + TALK_SECONDS + _GRACE
    while clock() < until:
        for _, frame in await session.take(timeout_seconds=_CAUSE_SECONDS):
            if text(frame, "Event") == "Hangup" and text(frame, "Channel") == channel:
                return True
    return True


async def _device(session: AmiSession, settings: AsteriskSettings, extension: str) -> tuple[str, RingResult | None]:
    """The device to ring, or why none can be rung. Of several devices one that is registered."""
    asked = question("PJSIPShowEndpoints", is_list=True)
    rows: list[Frame] = []
    with contextlib.suppress(Rejected):  # no right, or no chan_pjsip
        _, rows = await session.ask(asked, timeout_seconds=15.0, most=MOST_DEVICES)
    own = [row for row in rows if settings.office.as_extension(text(row, "ObjectName")) == extension]
    # The one that is named exactly like the extension first: others are its web or mobile phones.
    own.sort(key=lambda row: (not text(row, "Contacts").strip(","), text(row, "ObjectName") != extension))
    if own:
        is_there = bool(text(own[0], "Contacts").strip(","))
        return f"PJSIP/{text(own[0], 'ObjectName')}", None if is_there else RingResult.NOT_REGISTERED
    try:
        peer, _ = await session.ask(question("SIPshowpeer", Peer=extension))
    except (NotFound, Rejected):
        return await _by_dialplan(session, settings, extension)
    is_there = text(peer, "Address-IP") not in ("", "(null)", "-none-")
    return f"SIP/{extension}", None if is_there else RingResult.NOT_REGISTERED


async def _by_dialplan(
    session: AmiSession, settings: AsteriskSettings, extension: str
) -> tuple[str, RingResult | None]:
    """No device is named like the extension: ring what a click would."""
    channel = settings.originate_channel.format(extension=extension)
    technology, _, rest = channel.partition("/")
    if technology != "Local":
        return channel, RingResult.NO_SUCH_EXTENSION
    context = rest.partition("@")[2].partition("/")[0]
    try:
        await session.ask(question("ShowDialPlan", is_list=True, Context=context, Extension=extension))
    except NotFound:
        return channel, RingResult.NO_SUCH_EXTENSION
    except Rejected:
        pass
    return channel, None


async def _outcome(session: AmiSession, unique: str, device: str) -> tuple[RingOutcome, str]:
    """
    The Originate's result and the end of the phone's channel come in any order; only the latter has the cause.

    Returns:
        The outcome, and the phone's channel if it has answered.
    """
    clock = asyncio.get_running_loop().time
    has_rung, cause, failed_at = False, "", 0.0
    response: Frame = {}
    while not (response and (cause or clock() - failed_at > _CAUSE_SECONDS)):
        for _, frame in await session.take(timeout_seconds=_CAUSE_SECONDS):
            if text(frame, "Event") == "OriginateResponse" and text(frame, "ActionID") == unique:
                if text(frame, "Response") == "Success":
                    answered = RingOutcome(result=RingResult.ANSWERED, has_rung=True, device=device)
                    return answered, text(frame, "Channel")
                response, failed_at = frame, clock()
            if text(frame, "Uniqueid") != unique:
                continue
            has_rung = has_rung or text(frame, "ChannelStateDesc") == "Ringing"
            if text(frame, "Event") == "Hangup":
                cause = text(frame, "Cause") or "0"
    return RingOutcome(result=_failed(response, cause, has_rung), has_rung=has_rung, device=device), ""


def _failed(frame: Frame, cause: str, has_rung: bool) -> RingResult:
    if text(frame, "Reason") == _REASON_RANG_OUT:
        return RingResult.RANG_OUT
    if cause in _BY_CAUSE:
        return _BY_CAUSE[cause]
    return RingResult.RANG_OUT if has_rung else RingResult.FAILED


async def _give_up(session: AmiSession, unique: str) -> None:
    """No phone goes on ringing after a test."""
    _, rows = await session.ask(question("CoreShowChannels", is_list=True))
    for row in rows:
        if text(row, "Uniqueid") == unique:
            await session.ask(commands.hang_up(text(row, "Channel")))
