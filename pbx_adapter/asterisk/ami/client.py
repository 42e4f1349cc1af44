"""The AMI connection: login, keep-alive, reconnecting, actions and their answers. The only file here with a connection.

The tracker interprets events; `snapshot.py` sends the queries after a login.

Theory of operation
-------------------

One task reads: it turns bytes into frames, passes an answer to the action that waits for it, and puts everything else
into one queue of live events with their arrival times. The consumer takes them in batches. If it stops, the queue grows
to `BACKLOG` events; then reading stops and TCP slows the PBX down. Asterisk drops a reader that is silent longer than
its `writetimeout`, and the resynchronisation after the next login recovers the missed state. During a resynchronisation
live events wait, but reading continues: the answers come through the same socket.

A second task sends `Ping` regularly: otherwise a peer that died without a FIN stays unnoticed for hours.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import itertools
import random
import ssl
import time
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import structlog

from integration.domain.connections.state import StateReason, why
from integration.domain.ids import Timestamp
from integration.domain.reasons import Reason
from integration.errors import AuthFailed, NotFound, OutcomeUnknown, ProtocolError, Rejected, Unavailable
from pbx_adapter.asterisk.ami.commands import Action, question
from pbx_adapter.asterisk.ami.faults import why_no_connection
from pbx_adapter.asterisk.ami.protocol import Frame, FrameReader, Wanted, refuse_old
from pbx_adapter.asterisk.settings import AsteriskSettings

log = structlog.get_logger()

PERMISSION_DENIED = "permission_denied"
"""The code of what our user may not ask."""

BACKLOG = 20_000  # live events that may wait for the consumer before reading stops: 8 MB, 80 busy calls
SNAPSHOT_DONE: Frame = {"Event": "SnapshotDone"}
"""Marks in the queue of live events that the answers about the PBX's state are complete; compared by identity."""
SNAPSHOT_BACKLOG = 200_000  # the same during a resynchronisation; beyond it the PBX sends faster than we can read
_MOST_ITEMS = 1_000_000  # events of one list
_CHUNK = 65_536
_LONGEST_BANNER = 1024

EVENT_CLASSES = "system,call,agent,user,dialplan"
"""Requested at login. Leaves out `reporting` (RTCP reports, 40 % of all bytes), `cdr`, `security` and the rest, even if
the user may read them and no filter can be set."""

FILTERS = (
    # Old form: regular expressions over the whole block, understood by 16 and 22; 16 silently ignores the newer
    # `name()` form. Anchored, and with a control character before `Variable`, because the block also has the caller's
    # name: a client named "Event: TestEvent" must not hide their own call.
    "!^Event: (RTCP|TestEvent|JitterBufStats|NewCallerid|MusicOnHold|QueueMemberStatus|DeviceStateChange)",
    "!^Event: Newexten.*[[:cntrl:]]Application: ([^D]|D[^i]|Di[^a]|Dia[^l])",
    "!^Event: VarSet.*[[:cntrl:]]Variable: (RTPAUDIOQOS|BRIDGEPVTCALLID|ANSWEREDTIME|DIALEDTIME|RINGTIME|PROGRESSTIME)",
    "!^Event: VarSet.*[[:cntrl:]]Variable: (DIALEDPEER|QUEUEWAIT|QUEUEPOSITION|MACRO_|GOSUB_|SIPDOMAIN|SIPCALLID)",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """All waits, in seconds; tests use shorter ones."""

    connect: float = 10.0
    answer: float = 5.0
    boot: float = 10.0  # for FullyBooted of a PBX that still starts; continuing earlier is harmless: it has no calls
    boot_unseen: float = 2.0  # for FullyBooted, before CoreStatus is asked: our user may have no right to get it
    ping_every: float = 15.0
    ping_answer: float = 5.0
    backoff: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)  # the last one forever
    silent: float = 600.0  # after this time without an event, the PBX is asked whether a channel still exists
    half_seen: float = 60.0  # the same for a channel that only events of other channels have named
    ask_every: float = 30.0
    auth_retry: float = 60.0  # after a refused secret: an administrator has to correct it first


@dataclass(slots=True)
class AmiCounters:
    """Since the start of the process; for metrics."""

    events_received: int = 0  # put into the queue of live events
    events_dropped: int = 0  # unwanted blocks, dropped undecoded
    bytes_received: int = 0
    reconnects: int = 0
    values_cut: int = 0  # longer than any that Asterisk sends
    pauses: int = 0  # times reading stopped because the queue was full
    last_event_at: float | None = None  # Unix seconds

    def last_event_age(self, now: float) -> float | None:
        """Seconds since anything came; None before the first."""
        return None if self.last_event_at is None else max(0.0, now - self.last_event_at)


@dataclass(slots=True)
class _Pending:
    action: Action
    done: asyncio.Future[tuple[Frame, list[Frame]]]
    is_shared: bool
    most: int
    response: Frame | None = None
    items: list[Frame] = field(default_factory=list)


def text(frame: Frame, name: str) -> str:
    """A header's value: the first one if the header came several times, empty if it did not come."""
    value = frame.get(name, "")
    return value[0] if isinstance(value, list) else value


class AmiSession:
    """One connection, from connecting to its loss. Made by `connected()`."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        wanted: Wanted | None,
        timing: Timing,
        counters: AmiCounters,
    ) -> None:
        self.banner = ""
        self.connected_at = Timestamp(time.time())
        self.uptime: float | None = None  # of the PBX at FullyBooted, seconds; None when it did not say
        self.filters_refused = False
        self._reader = reader
        self._writer = writer
        self._frames = FrameReader(wanted)
        self._timing = timing
        self._counters = counters
        self._ids = itertools.count(1)
        self._prefix = f"dz{random.getrandbits(32):08x}"
        self._pending: dict[str, _Pending] = {}
        self._events: deque[tuple[Timestamp, Frame]] = deque()
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self._booted = asyncio.Event()
        self._lost = asyncio.Event()
        self.reason = ""  # why it was lost
        self.fault: Reason | None = None  # the same for people
        self.broken: ProtocolError | None = None  # how the other side broke the protocol
        self.is_asking = True  # during a resynchronisation: up to SNAPSHOT_BACKLOG live events wait

    @property
    def is_lost(self) -> bool:
        return self._lost.is_set()

    # ---- reading ---------------------------------------------------------------------------------------------------

    async def read_forever(self) -> None:
        """Read until the connection is lost; then fail all waiting actions."""
        try:
            await self._banner()
            while data := await self._reader.read(_CHUNK):
                self._take_in(data)
                while len(self._events) > (SNAPSHOT_BACKLOG if self.is_asking else BACKLOG):
                    if self.is_asking:
                        error = ProtocolError("the PBX sends events faster than its state can be asked for")
                        raise error.with_fault(why(StateReason.STATE_UNANSWERED))
                    self._counters.pauses += 1
                    self._room.clear()
                    await self._room.wait()
            self.lose("the PBX closed the connection", why(StateReason.LINK_CLOSED))
        except ProtocolError as exc:
            self.broken = exc
            self.lose(str(exc), exc.fault or why(StateReason.PROTOCOL_BROKEN))
        except OSError as exc:
            self.lose(str(exc) or type(exc).__name__)

    async def _banner(self) -> None:
        try:
            line = await self._reader.readuntil(b"\n")
        except asyncio.IncompleteReadError as exc:
            error = ProtocolError("the PBX closed the connection at once: is our address in `permit`?")
            raise error.with_fault(why(StateReason.NOT_LET_IN)) from exc
        except asyncio.LimitOverrunError as exc:
            raise _not_a_manager_port() from exc
        if not line.startswith(b"Asterisk Call Manager") or len(line) > _LONGEST_BANNER:
            raise _not_a_manager_port()
        self._frames.feed(line.rstrip(b"\r\n") + b"\r\n")
        self.banner = line.decode("utf-8", "replace").strip()
        refuse_old(self.banner)

    def _take_in(self, data: bytes) -> None:
        now = Timestamp(time.time())
        before, cut_before = self._frames.blocks_seen, self._frames.values_cut
        frames = self._frames.feed(data)
        if self._frames.values_cut > cut_before:
            if cut_before == 0:
                log.warning("over-long values from the PBX are cut; logged once a connection")
            self._counters.values_cut += self._frames.values_cut - cut_before
        self._counters.bytes_received += len(data)
        self._counters.events_dropped += self._frames.blocks_seen - before - len(frames)
        self._counters.last_event_at = now
        for frame in frames:
            self._sort(frame, now)

    def _sort(self, frame: Frame, now: Timestamp) -> None:
        """Pass an answer to its action, and anything else to the queue of live events."""
        pending = self._pending.get(text(frame, "ActionID"))
        if pending and pending.is_shared:
            self._line_up(now, frame)
        if "Event" not in frame:
            if pending and "Response" in frame:
                pending.response = frame
                if not pending.action.is_list or frame["Response"] != "Success":
                    self._finish(pending)
            return
        if pending and pending.action.is_list:
            is_last = frame.get("EventList") == "Complete"
            if is_last or len(pending.items) < pending.most:
                pending.items.append(frame)
            if is_last:
                self._finish(pending)
            return
        if frame["Event"] == "FullyBooted":
            uptime = text(frame, "Uptime")
            self.uptime = float(uptime) if uptime.isdigit() else None
            self._booted.set()
        self._counters.events_received += 1
        self._line_up(now, frame)

    def _line_up(self, now: Timestamp, frame: Frame) -> None:
        self._events.append((now, frame))
        self._arrived.set()

    def snapshot_done(self) -> None:
        """Mark the place in the queue; from now on a full queue stops reading."""
        self.is_asking = False
        self._line_up(Timestamp(time.time()), SNAPSHOT_DONE)

    def _finish(self, pending: _Pending) -> None:
        if not pending.done.done():
            pending.done.set_result((pending.response or {}, pending.items))

    def lose(self, reason: str, fault: Reason | None = None) -> None:
        """Mark the connection as lost and wake everything that waits. The first reason counts."""
        if self.is_lost:
            return
        self.reason, self.fault = reason, fault or why(StateReason.LINK_LOST)
        self._lost.set()
        self._arrived.set()
        self._room.set()
        for pending in self._pending.values():
            if not pending.done.done():
                pending.done.set_exception(_lost(pending.action, reason))
        self._writer.transport.abort()

    async def take(self, *, timeout_seconds: float, limit: int = 500) -> list[tuple[Timestamp, Frame]]:
        """
        The next live events in order of arrival, each with its Unix time.

        Returns:
            At least one; empty when none came in time.

        Raises:
            Unavailable: the connection is lost, and everything that came before was taken.
        """
        if not self._events:
            self._arrived.clear()
            if not self.is_lost:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(timeout_seconds):
                        await self._arrived.wait()
        if not self._events and self.is_lost:
            raise Unavailable(self.reason)
        batch = [self._events.popleft() for _ in range(min(limit, len(self._events)))]
        if len(self._events) <= BACKLOG // 2:
            self._room.set()
        return batch

    # ---- asking ----------------------------------------------------------------------------------------------------

    async def ask(
        self,
        action: Action,
        *,
        timeout_seconds: float | None = None,
        action_id: str = "",
        share: bool = False,
        most: int = _MOST_ITEMS,
    ) -> tuple[Frame, list[Frame]]:
        """
        Send an action and wait for its answer.

        Args:
            action_id: our own id, to recognise the answer later; a new one if empty.
            share: put the answer also into the queue of live events, in the order of arrival.
            most: events of a list that are kept; later ones are dropped.

        Returns:
            The response, and the events of its list (the closing one last; empty for others).

        Raises:
            Rejected: the PBX said no (`code` permission_denied, unknown_action or refused); NotFound: no such channel.
            OutcomeUnknown: sent, but the answer did not come, and the action changes something: look before repeating.
            Unavailable: the same for a question, or the connection was already gone.
        """
        if self.is_lost:
            raise Unavailable(self.reason)
        action_id = action_id or f"{self._prefix}-{next(self._ids)}"
        pending = _Pending(action, asyncio.get_running_loop().create_future(), share, most)
        self._pending[action_id] = pending
        try:
            async with asyncio.timeout(timeout_seconds or self._timing.answer):
                self._writer.write(action.wire(action_id))
                await self._writer.drain()
                response, items = await pending.done
        except TimeoutError as exc:
            raise _lost(action, "no answer in time") from exc
        except OSError as exc:
            self.lose(str(exc) or type(exc).__name__)
            raise _lost(action, str(exc)) from exc
        finally:
            del self._pending[action_id]
            if not pending.done.cancel() and not pending.done.cancelled():
                pending.done.exception()  # mark it as retrieved: it may have come together with the timeout
        if text(response, "Response") not in ("Success", "Goodbye"):
            raise _refused(action, text(response, "Message"))
        return response, items

    async def log_in(self, username: str, secret: str) -> None:
        """
        Log in, by MD5 challenge where the PBX offers it, and wait until it is fully booted.

        Raises:
            AuthFailed: it refuses this user and secret. Unavailable: it did not answer in time.
        """
        proof: tuple[tuple[str, str], ...] = (("Secret", secret),)
        with contextlib.suppress(Rejected):
            response, _ = await self.ask(question("Challenge", AuthType="MD5"))
            # MD5 is all that Asterisk 16 to 22 offers; over an untrusted network use TLS.
            digest = hashlib.md5((text(response, "Challenge") + secret).encode(), usedforsecurity=False).hexdigest()
            proof = (("AuthType", "MD5"), ("Key", digest))
        try:
            await self.ask(Action("Login", (("Username", username), *proof, ("Events", EVENT_CLASSES))))
        except Rejected as exc:
            refused = AuthFailed(f"the PBX refuses the user {username!r} or its secret ({exc})")
            raise refused.with_fault(why(StateReason.LOGIN_REFUSED, user=username)) from exc
        except Unavailable as exc:
            # Asterisk may close the connection instead of answering a wrong secret.
            raise Unavailable(f"no answer to the login: {exc}") from exc
        await self._wait_for_boot()

    async def _wait_for_boot(self) -> None:
        """Only users with the read right `system` get FullyBooted (measured on 16 and 22); others ask CoreStatus."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._timing.boot_unseen):
                await self._booted.wait()
            return
        try:
            await self.ask(question("CoreStatus"))
        except Rejected:
            return  # we get no boot event and may not ask: assume that it has booted
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._timing.boot):
                await self._booted.wait()

    async def set_filters(self) -> bool:
        """Ask the PBX not to send unwanted events. False: it refuses, and they are dropped here instead."""
        try:
            for pattern in FILTERS:
                await self.ask(question("Filter", Operation="Add", Filter=pattern))
        except Rejected as exc:
            self.filters_refused = True
            log.info("the PBX sets no event filter for this user; unwanted events are dropped here", reason=exc.code)
        return not self.filters_refused

    async def keep_alive(self) -> None:
        """Ping until the connection is lost; a missing answer means that it is."""
        while not self.is_lost:
            await asyncio.sleep(self._timing.ping_every)
            if len(self._events) > BACKLOG:
                continue  # we have stopped reading ourselves, so no answer could arrive
            try:
                await self.ask(question("Ping"), timeout_seconds=self._timing.ping_answer)
            except Unavailable:
                self.lose("no answer to a ping", why(StateReason.LINK_SILENT))
            except Rejected:
                continue  # that is an answer too


def _why_no_login(session: AmiSession, username: str) -> Reason:
    if session.banner:
        return why(StateReason.LOGIN_UNANSWERED, user=username)
    return why(StateReason.NOT_LET_IN if session.is_lost else StateReason.NO_GREETING)


def _not_a_manager_port() -> ProtocolError:
    error = ProtocolError("no AMI banner: this is not an Asterisk manager port")
    return error.with_fault(why(StateReason.NOT_A_PBX))


def _lost(action: Action, reason: str) -> Unavailable:
    kind = OutcomeUnknown if action.changes else Unavailable
    return kind(f"{action.name}: {reason}")


def _refused(action: Action, message: str) -> Rejected:
    said = message.lower()
    if "permission denied" in said:
        return Rejected(f"the PBX does not permit {action.name} to our user", code=PERMISSION_DENIED)
    if "unknown command" in said:
        return Rejected(f"this PBX has no {action.name}", code="unknown_action")
    if "no such channel" in said or "does not exist" in said or "not found" in said or "did not find" in said:
        return NotFound(message, code="not_found")
    return Rejected(message or f"the PBX refused {action.name}", code="refused")


def _tls(settings: AsteriskSettings) -> ssl.SSLContext | None:
    if settings.tls is None:
        return None
    context = ssl.create_default_context(cafile=settings.tls.ca)
    if not settings.tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


@contextlib.asynccontextmanager
async def connected(
    settings: AsteriskSettings, *, wanted: Wanted | None, timing: Timing, counters: AmiCounters
) -> AsyncIterator[AmiSession]:
    """
    Connect and log in; the connection is closed when the block ends.

    Raises:
        AuthFailed, Unavailable (also for a certificate that does not fit), ProtocolError.
    """
    try:
        context = _tls(settings)
        name = (settings.tls.server_name or settings.host) if settings.tls else None
        async with asyncio.timeout(timing.connect):
            reader, writer = await asyncio.open_connection(
                settings.host, settings.port, ssl=context, server_hostname=name, limit=_CHUNK
            )
    except OSError as exc:  # TimeoutError is one
        error = Unavailable(f"no connection to {settings.host}:{settings.port}: {exc or 'no answer'}")
        raise error.with_fault(why_no_connection(exc, settings.host, settings.port)) from exc
    session = AmiSession(reader, writer, wanted=wanted, timing=timing, counters=counters)
    tasks = [asyncio.create_task(session.read_forever()), asyncio.create_task(session.keep_alive())]
    try:
        try:
            await session.log_in(settings.username, settings.secret)
        except Unavailable as exc:
            if session.broken is not None:
                raise session.broken from None  # it says more than "no answer"
            raise exc.with_fault(_why_no_login(session, settings.username)) from None
        yield session
    finally:
        session.lose("closed by us")
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(1.0):
                await writer.wait_closed()
