"""`AsteriskPbx` implements the port `Pbx` for an Asterisk: connects client, tracker and commands; decides nothing.

FastAGI routing requests have a separate server (`agi/server.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from typing import ClassVar

import aiohttp
import structlog

from integration.domain.calls.call import Call
from integration.domain.calls.events import CallEvent, HangUpPressed
from integration.domain.campaigns.needs import NO_CAMPAIGNS, CampaignNeeds
from integration.domain.connections.abilities import PbxAbilities
from integration.domain.connections.link import Link
from integration.domain.connections.state import StateReason, why
from integration.domain.ids import CallId, PbxId, Timestamp, call_id
from integration.domain.reasons import Reason
from integration.errors import DozvonError, NotFound, OutcomeUnknown, Rejected, Unavailable
from integration.ports.findings import Finding
from integration.ports.pbx import CampaignCall, ClickToCall, DialSample, FirstLeg, PbxEmployee, PbxListener
from integration.ports.records import CallRecords
from pbx_adapter.asterisk import people, recordings, sounds
from pbx_adapter.asterisk.ami import channels, commands, own_tests, receptions
from pbx_adapter.asterisk.ami.client import (
    PERMISSION_DENIED,
    SNAPSHOT_DONE,
    AmiCounters,
    AmiSession,
    Timing,
    connected,
)
from pbx_adapter.asterisk.ami.commands import question
from pbx_adapter.asterisk.ami.protocol import Frame, Wanted
from pbx_adapter.asterisk.ami.reconnect import LinkRecord, keep_connected
from pbx_adapter.asterisk.ami.snapshot import ask_for_state
from pbx_adapter.asterisk.settings import AsteriskSettings
from pbx_adapter.asterisk.setup.setup import AsteriskSetup
from pbx_adapter.asterisk.tracker.tracker import Tracker

log = structlog.get_logger()

Handover = Callable[[], Awaitable[None]]
_IDLE_SECONDS = 1.0  # a thousand idle PBXs that tick ten times a second would take most of a core
_TICK_SECONDS = 0.1  # the tracker accepts an end after 0.25 s of silence
_BETWEEN_TONES_SECONDS = 0.25  # from one tone to the next: 0.12 s of tone, and a pause that every menu notices
_REMEMBERED_CLICKS = 1_000
_OWN_EVENTS = frozenset({b"FullyBooted", b"Newchannel"})
_STORE_RETRY_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0)  # the last one forever
_BUG_RETRIES = 3


class AsteriskPbx:
    """
    One Asterisk or FreePBX.

    Attributes:
        counters: the connection's figures for metrics.
        setup: the questions of an administrator's setup; they need no `run`.
        listener_failures: how often the listener did not take events at once.
        refused_questions: actions that our user may not send after a login.
    """

    abilities: ClassVar[PbxAbilities] = PbxAbilities(
        dial=True,
        receives=True,
        hang_up=True,
        decline=True,
        recordings=True,
        routes=True,
        lists_extensions=True,
        surveys=True,
        shows_calls=True,
        rings_alone=True,
        writes_routes=True,
        makes_phones=True,
    )

    def __init__(
        self, settings: AsteriskSettings, *, session: aiohttp.ClientSession, timing: Timing | None = None
    ) -> None:
        """`session` fetches recordings behind a web address; it stays the caller's."""
        self.settings = settings
        self._web = session
        self.counters = AmiCounters()
        self.listener_failures = 0
        self.refused_questions: list[str] = []
        self._not_permitted: list[str] = []  # those of them that need a right, not a module
        self._timing = timing or Timing()
        self.setup = AsteriskSetup(settings, session=session, records=self.records, timing=timing)
        self._tracker = Tracker(settings.id, settings.office)
        self._session: AmiSession | None = None
        self._record = LinkRecord()
        self._pbx_began: Timestamp | None = None  # when the PBX started, by its own report
        self._is_ready = False
        self._receives: AmiSession | None = None  # in this login the dialplan had our context for campaigns
        self._seen_clicks: dict[str, None] = {}  # Uniqueids of our clicks that the PBX has shown us, oldest first
        self._gone: dict[str, Timestamp] = {}  # channel that the PBX no longer knows -> when we asked
        self._uncertain: set[str] = set()  # clicks that were sent, without an answer
        self._pressed: list[CallEvent] = []  # people's requests, to be reported in order with the PBX's events

    @property
    def id(self) -> PbxId:
        return self.settings.id

    @property
    def is_connected(self) -> bool:
        """Whether we are logged in and know the calls in progress."""
        return self._is_ready

    @property
    def link(self) -> Link:
        return self._record.now

    # ---- events ----------------------------------------------------------------------------------------------------

    async def run(self, listener: PbxListener) -> None:
        """Keep the connection, resynchronise after each loss, hand over events; until cancelled."""
        self._tracker = Tracker(self.settings.id, self.settings.office)  # an earlier run's state is stale
        wanted = self._tracker.wanted
        wanted = Wanted(wanted.events | _OWN_EVENTS, wanted.variables, wanted.dials)

        def connect() -> contextlib.AbstractAsyncContextManager[AmiSession]:
            return connected(self.settings, wanted=wanted, timing=self._timing, counters=self.counters)

        async def serve(session: AmiSession) -> None:
            try:
                await self._serve(session, listener)
            finally:
                self._session, self._is_ready = None, False
                self._record.failed(session.fault, session.reason)

        async def down(reason: str) -> None:
            await listener.on_link(False, reason)

        try:
            await keep_connected(connect, serve, down, timing=self._timing, counters=self.counters, record=self._record)
        finally:
            self._record.ended()

    async def _serve(self, session: AmiSession, listener: PbxListener) -> None:
        """Serve one session: follow events and ask for the snapshot at the same time, all in order of arrival."""
        await session.set_filters()
        self._session = session
        if session.uptime is not None:
            self._pbx_began = Timestamp(time.time() - session.uptime)
        asking = [
            asyncio.create_task(self._ask_for_state(session)),
            asyncio.create_task(self._ask_about_the_silent(session)),
        ]
        try:
            await self._tell(listener, self._followed("link up", lambda: self._tracker.link_up(session.connected_at)))
            while True:
                waits = self._tracker.is_waiting or bool(self._gone)
                batch = await session.take(timeout_seconds=_TICK_SECONDS if waits else _IDLE_SECONDS)
                # First the presses: events of this batch may result from them.
                events, self._pressed = self._pressed, []
                for at, frame in batch:
                    if frame is SNAPSHOT_DONE:
                        await self._tell(listener, events)
                        events = []
                        await self._ready(listener, at)
                        continue
                    if frame.get("Event") == "Newchannel":
                        self._notice_click(str(frame.get("Uniqueid")))
                    events += self._feed(frame, at)
                if not batch:
                    events += self._followed("tick", lambda: self._tracker.tick(Timestamp(time.time())))
                    events += self._take_verdicts()
                await self._tell(listener, events)
        except Unavailable:
            lost = self._followed("link lost", lambda: self._tracker.link_lost(Timestamp(time.time())))
            await self._tell(listener, lost)
        finally:
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)

    async def _ask_about_the_silent(self, session: AmiSession) -> None:
        """Ask about channels without an event for long: a lost Hangup would leave their call open forever."""
        timing = self._timing
        self._gone.clear()
        while True:
            await asyncio.sleep(timing.ask_every)
            if not self._is_ready:
                continue
            now = Timestamp(time.time())
            for each in self._tracker.silent(now, after=timing.silent, half_seen_after=timing.half_seen):
                try:
                    is_there = await channels.is_there(session, each.name, each.uid)
                except NotFound:
                    is_there = False
                except Rejected as exc:
                    log.info("the PBX does not answer about single channels", reason=exc.code)
                    return
                except Unavailable:
                    continue  # a slow PBX is asked again later; a lost link ends this
                if is_there:
                    self._tracker.confirm(each.uid, Timestamp(time.time()))
                else:
                    self._gone[each.uid] = now

    def _take_verdicts(self) -> list[CallEvent]:
        """Call this only when no event waits: then all events from before the PBX's answer are processed."""
        events: list[CallEvent] = []
        for uid, asked_at in self._gone.items():
            events += self._followed("gone", partial(self._tracker.gone, uid, asked_at))
        if self._gone:
            log.warning("channels ended without an event of the PBX", pbx=self.id, count=len(self._gone))
            self._gone.clear()
        return events

    def _feed(self, frame: Frame, at: Timestamp) -> Sequence[CallEvent]:
        if own_tests.is_about_a_test(frame):
            return ()
        return self._followed(str(frame.get("Event")), lambda: self._tracker.feed(frame, at))

    def _followed(self, name: str, follow: Callable[[], Sequence[CallEvent]]) -> Sequence[CallEvent]:
        """
        The tracker raises at nothing. If it does all the same, log it and continue: this step is lost for one call, and
        without the link every call would be.
        """
        try:
            return follow()
        except Exception:
            log.exception("an event of the PBX could not be followed", event_name=name)
            return ()

    async def _ask_for_state(self, session: AmiSession) -> None:
        try:
            refused = await ask_for_state(session, self.settings.office)
            self.refused_questions = list(refused)
            self._not_permitted = [name for name, code in refused.items() if code == PERMISSION_DENIED]
        except DozvonError as exc:
            unanswered = session.fault or why(StateReason.STATE_UNANSWERED)
            session.lose(f"the PBX did not list its calls: {exc}", unanswered)

    async def _ready(self, listener: PbxListener, at: Timestamp) -> None:
        self._is_ready = True
        self._record.up(self._missing_right())
        log.info("linked to the PBX", pbx=self.id)
        await listener.on_link(True, "")
        await self._until_stored(lambda: listener.on_resync(self._tracker.calls_on_the_pbx(), at))

    def _missing_right(self) -> Reason | None:
        if not self._not_permitted:
            return None
        actions = ", ".join(self._not_permitted)
        return why(StateReason.PERMISSION_MISSING, user=self.settings.username, actions=actions)

    async def _tell(self, listener: PbxListener, events: Sequence[CallEvent]) -> None:
        """Hand over events. If the listener refuses one of several, hand over each alone: they may be of many calls."""
        if events and not await self._until_stored(lambda: listener.on_events(events)) and len(events) > 1:
            for event in events:
                await self._until_stored(partial(listener.on_events, [event]))

    async def _until_stored(self, hand_over: Handover) -> bool:
        """
        Hand over events until they are stored. While they cannot be stored (a full disk), offer them again; the PBX's
        next events wait. Give up refused events at once, and after a few attempts those that fail by a defect of ours,
        and log it, because the events of all other calls wait behind them.

        Returns:
            Whether they were stored.
        """
        bugs = 0
        for attempt in range(1_000_000_000):
            try:
                await hand_over()
                return True
            except Rejected as exc:
                self.listener_failures += 1
                log.error("events were refused and dropped", reason=str(exc))
                return False
            except DozvonError as exc:
                self.listener_failures += 1
                if attempt == 0:
                    log.warning("events cannot be stored now; they wait", reason=str(exc))
            except Exception:
                self.listener_failures += 1
                bugs += 1
                log.exception("handling events failed", attempt=bugs)
                if bugs >= _BUG_RETRIES:
                    log.error("events were dropped after several attempts")
                    return False
            wait = _STORE_RETRY_SECONDS[min(attempt, len(_STORE_RETRY_SECONDS) - 1)]
            await asyncio.sleep(wait * random.uniform(0.8, 1.2))
        return False

    def _notice_click(self, uniqueid: str) -> None:
        if not uniqueid.startswith(commands.CHANNEL_ID_PREFIX):
            return
        self._uncertain.discard(uniqueid)
        self._seen_clicks[uniqueid] = None
        while len(self._seen_clicks) > _REMEMBERED_CLICKS:
            del self._seen_clicks[next(iter(self._seen_clicks))]

    # ---- commands --------------------------------------------------------------------------------------------------

    def _live_session(self) -> AmiSession:
        if self._session is None:
            raise Unavailable("there is no link to the PBX now", retry_after_seconds=1.0)
        return self._session

    async def click_to_call(self, request: ClickToCall) -> CallId:
        """
        Start the call; its result comes as events.

        The channel is named after the request. So if the PBX has already executed the request, as far as we can see, a
        repeat only returns the call's id.

        Raises:
            Rejected: the number cannot be sent, or our user may not originate. Unavailable: there is no link, or
                (OutcomeUnknown) it broke before the answer. Then call again with the same request: it looks for the
                call first, and dials only if there is none.
        """
        action = self._originate(request, has_caller_id=False)  # refuse a bad request before asking anything
        unique = commands.channel_id(request.request_id)
        session = self._live_session()
        if not await self._is_begun(session, unique):
            if await people.has_caller_id(session, dict(action.headers)["Channel"]):
                action = self._originate(request, has_caller_id=True)
            await self._begin(session, action, unique)
        return call_id(self.id, unique)

    async def dial(self, request: CampaignCall) -> CallId:
        """
        Start a campaign's call; its result comes as events. A repeat is found as that of a click is.

        Raises: as `click_to_call`; Rejected (`no_campaign_context`) where the include on the PBX is older than this
            release: the client would answer and hear nothing.
        """
        settings, reception = self.settings, request.reception
        if reception is not None and request.first is not FirstLeg.CLIENT:
            raise Rejected("only a client who is rung first can wait", code="bad_reception")
        action = commands.campaign_call(
            attempt=request.attempt,
            number=request.number,
            extension=request.extension,
            is_client_first=request.first is FirstLeg.CLIENT,
            channel_template=settings.originate_channel,
            context=settings.originate_context,
            ring_seconds=request.ring_seconds,
            caller_id=request.caller_id,
            line=request.line,
            dial_plus=settings.dial_plus,
            answers_itself=request.answers_itself,
            enters=None if reception is None else (receptions.CONTEXT, receptions.BEGINS_AT),
            also=() if reception is None else receptions.variables(reception),
        )
        unique = commands.channel_id(request.attempt)
        session = self._live_session()
        if not await self._is_begun(session, unique):
            if reception is not None:
                await self._check_include(session)
            await self._begin(session, action, unique)
        return self.call_of(request.attempt)

    def call_of(self, attempt: str) -> CallId:
        return call_id(self.id, commands.channel_id(attempt))

    async def _check_include(self, session: AmiSession) -> None:
        """Once for each login, because a dialplan is seldom reloaded."""
        if self._receives is session:
            return
        asked = question("ShowDialPlan", is_list=True, Context=receptions.CONTEXT)
        try:
            await session.ask(asked)
        except NotFound:
            raise Rejected(
                f"the dialplan has no context {receptions.CONTEXT}: put this release's include on the PBX",
                code="no_campaign_context",
            ) from None
        self._receives = session

    async def hand_over(self, call: CallId, extension: str, *, ring_seconds: int, answers_itself: bool = False) -> None:
        """Raises: NotFound if the client does not wait (has left, talks already), Unavailable, Rejected."""
        uniqueid = self._uniqueid(call)
        session = self._live_session()
        if not uniqueid.startswith(commands.CHANNEL_ID_PREFIX) or not self._tracker.client_waits(uniqueid):
            raise NotFound("the client does not wait", code="not_waiting")
        attempt = uniqueid.removeprefix(commands.CHANNEL_ID_PREFIX)
        action = receptions.hand_over(attempt, extension, ring_seconds=ring_seconds, answers_itself=answers_itself)
        await session.ask(action)

    async def place_sound(self, wav: bytes) -> str:
        """Raises: Rejected (`no_sounds`, `bad_sound`), Unavailable."""
        return await sounds.place(wav, self.settings.sounds)

    async def _is_begun(self, session: AmiSession, unique: str) -> bool:
        """Whether the PBX has already executed this Originate, as far as we can see."""
        return unique in self._seen_clicks or (unique in self._uncertain and await channels.exists(session, unique))

    async def _begin(self, session: AmiSession, action: commands.Action, unique: str) -> None:
        self._tracker.sent(action.frame(unique))
        try:
            await session.ask(action, action_id=unique)
        except OutcomeUnknown:
            self._uncertain.add(unique)
            raise
        self._notice_click(unique)

    def _originate(self, request: ClickToCall, *, has_caller_id: bool) -> commands.Action:
        settings = self.settings
        return commands.originate(
            request_id=request.request_id,
            extension=request.extension,
            number=request.number,
            channel_template=settings.originate_channel,
            context=settings.originate_context,
            timeout_seconds=settings.click_timeout_seconds,
            dial_plus=settings.dial_plus,
            crm_call_id=request.crm_call_id,
            has_caller_id=has_caller_id,
        )

    async def hang_up(self, call: CallId, *, by: str | None = None) -> None:
        """End every channel of the call. Raises: NotFound if it is over, Unavailable, Rejected."""
        session = self._live_session()
        found = await channels.of_call(session, self._uniqueid(call), self.settings.office)
        if by is not None:
            self._pressed.append(HangUpPressed(call=call, at=Timestamp(time.time()), extension=by, own_leg=False))
        # The oldest first: it runs the dialplan, which would otherwise continue with the next step.
        for channel in found:
            with contextlib.suppress(NotFound):  # it ended together with an earlier one
                await session.ask(commands.hang_up(channel.name))

    async def reject(self, call: CallId, extension: str) -> None:
        """
        Decline the call at every ringing device of one extension; the others ring on.

        AMI cannot say "only while it rings": a phone that is picked up in the millisecond between our look and the
        command loses its call. Raises: NotFound if nothing rings there, Unavailable, Rejected.
        """
        session = self._live_session()
        found = await channels.of_call(session, self._uniqueid(call), self.settings.office)
        ringing = channels.ringing_at(found, extension)
        if not ringing:
            raise NotFound("this phone does not ring any more", code="not_ringing")
        self._pressed.append(HangUpPressed(call=call, at=Timestamp(time.time()), extension=extension, own_leg=True))
        for channel in ringing:
            with contextlib.suppress(NotFound):  # it was answered or given up at this moment
                await session.ask(commands.hang_up(channel.name, cause=commands.CALL_REJECTED))

    async def send_tones(self, call: CallId, digits: str) -> None:
        """
        Send digits as tones to the client's channel, one after the other, after checking all of them.

        Raises: NotFound if the call is over or nobody talks to the client, Unavailable, Rejected.
        """
        session = self._live_session()
        found = await channels.of_call(session, self._uniqueid(call), self.settings.office)
        client, employee = channels.client_and_employee(found)
        if employee is None:
            raise NotFound("nobody is talking to the client now", code="not_talking")
        for action in [commands.play_tone(client.name, digit) for digit in digits]:
            await session.ask(action)
            await asyncio.sleep(_BETWEEN_TONES_SECONDS)

    async def redirect(self, call: CallId, extension: str) -> None:
        """
        Send the client to another extension.

        While an employee talks to the client, make a blind transfer by that employee, which the PBX then reports.
        Otherwise (ringing, waiting in a queue) move the client's channel. Raises: NotFound if the call is over.
        """
        session = self._live_session()
        of_call = await channels.of_call(session, self._uniqueid(call), self.settings.office)
        client, employee = channels.client_and_employee(of_call)
        context = self.settings.originate_context
        if employee is not None:
            await session.ask(commands.blind_transfer(employee.name, context=context, extension=extension))
        else:
            await session.ask(commands.redirect(client.name, context=context, extension=extension))

    async def hold(self, call: CallId, *, on: bool) -> None:
        """Always Rejected: AMI of Asterisk 16 to 22 has no hold. The phone's own key (or the web phone) does it."""
        raise Rejected("Asterisk cannot put a call on hold from outside: use the phone's own key", code="no_hold")

    def _uniqueid(self, call: CallId) -> str:
        pbx, _, uniqueid = call.partition(":")
        if pbx != self.id or not uniqueid:
            raise NotFound("this call belongs to another PBX", code="other_pbx")
        return uniqueid

    async def employees(self) -> list[PbxEmployee]:
        """Phones known to the PBX that look like employees'. Raises: Unavailable, Rejected."""
        return await people.employees(self._live_session(), self.settings.office)

    def recording(self, file: str, call: Call | None = None) -> AsyncIterator[bytes]:
        """The bytes of a recording by the name in `RecordingStarted`. Raises: NotFound, Unavailable, AuthFailed."""
        return recordings.fetch(file, self.settings.recordings, self._web, call)

    def records(self) -> CallRecords | None:
        """The PBX's own records of its calls; None if they are not configured. Raises: ConfigError."""
        if self.settings.records is None:
            return None
        from pbx_adapter.asterisk.records.source import AsteriskRecords  # only where it is used: database drivers

        return AsteriskRecords(self.settings.records, self.settings.office, lambda: self._pbx_began)

    def figures(self, now: float) -> dict[str, float]:
        return {
            "connected": float(self.is_connected),
            "events_received": float(self.counters.events_received),
            "events_dropped": float(self.counters.events_dropped),
            "bytes_received": float(self.counters.bytes_received),
            "reconnects": float(self.counters.reconnects),
            "values_cut": float(self.counters.values_cut),
            "pauses": float(self.counters.pauses),
            "listener_failures": float(self.listener_failures),
            "last_event_age": self.counters.last_event_age(now) or 0.0,
        }

    async def diagnose(self, samples: Sequence[DialSample] = (), needs: CampaignNeeds = NO_CAMPAIGNS) -> list[Finding]:
        """Check everything over a separate connection, so that it works beside a running Dozvon."""
        return await self.setup.diagnose(samples, needs)
