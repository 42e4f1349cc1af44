"""Shows calls as they begin: "call any number, we are waiting". Takes no call and changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace

from integration.domain.ids import Timestamp
from integration.ports.pbx_setup import SeenCall
from pbx_adapter.asterisk.ami.client import AmiCounters, Timing, connected, text
from pbx_adapter.asterisk.ami.protocol import Frame, Wanted
from pbx_adapter.asterisk.settings import AsteriskSettings
from pbx_adapter.asterisk.tracker.names import PORTS, endpoint_of
from pbx_adapter.asterisk.tracker.office import PartyKind, present

LONGEST_WATCH = 600.0  # seconds
_PATIENCE = 1.0  # for the variable with the line's number, which the dialplan sets after the call has begun
_MOST_WAITING = 200  # calls; more begin on no PBX within a second
_LONGEST = 80  # characters of a value that is shown
_NO_NUMBER = frozenset({"", "s", "h", "i", "t"})
"""Extensions that are no number: where the dialplan begins without one."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    call: SeenCall
    since: float


class Watcher:
    """Events in, calls out. A call is shown when its line's number is known, or after a second without one."""

    def __init__(self, settings: AsteriskSettings) -> None:
        self._office = settings.office
        self._variables = frozenset(settings.did_variables)
        self._waiting: dict[str, _Waiting] = {}

    @property
    def wanted(self) -> Wanted:
        events = frozenset({b"FullyBooted", b"Newchannel", b"Hangup"})
        return Wanted(events, frozenset(name.encode() for name in self._variables), dials=False)

    def feed(self, frame: Frame, at: Timestamp, now: float) -> list[SeenCall]:
        """
        Take one event.

        Args:
            at: Unix time of its arrival.
            now: any clock in seconds, the same as for `tick`.
        """
        uid = text(frame, "Uniqueid")
        match text(frame, "Event"):
            case "Newchannel":
                call = self._begun(frame, at)
                if call is not None and len(self._waiting) < _MOST_WAITING:
                    self._waiting[uid] = _Waiting(call, now)
            case "VarSet" if uid in self._waiting and text(frame, "Variable").lstrip("_") in self._variables:
                if number := _number(text(frame, "Value")):
                    return [replace(self._waiting.pop(uid).call, line=number)]
            case "Hangup" if uid in self._waiting:
                return [self._waiting.pop(uid).call]
        return []

    def tick(self, now: float) -> list[SeenCall]:
        """Calls that have waited long enough."""
        due = [uid for uid, each in self._waiting.items() if now - each.since >= _PATIENCE]
        return [self._waiting.pop(uid).call for uid in due]

    def end(self) -> list[SeenCall]:
        """All that still wait."""
        calls = [each.call for each in self._waiting.values()]
        self._waiting.clear()
        return calls

    def _begun(self, frame: Frame, at: Timestamp) -> SeenCall | None:
        """The call that this channel begins; None for a leg of one, and for helpers of the PBX."""
        channel, uid = text(frame, "Channel"), text(frame, "Uniqueid")
        if text(frame, "Linkedid") not in ("", uid):
            return None
        extension, context = present(frame.get("Exten")), present(frame.get("Context"))
        if text(frame, "ChannelStateDesc") not in ("Ring", "Down", "Up") or not extension:
            return None
        caller = present(frame.get("CallerIDNum"))
        party = self._office.party(channel, context, caller)
        if party.kind in (PartyKind.LOCAL, PartyKind.NOBODY):
            return None
        technology, endpoint = endpoint_of(channel)
        return SeenCall(
            at=at,
            caller=_shown(caller),
            line=_number(extension),
            trunk=_shown(f"{technology}/{endpoint}" if technology in PORTS else endpoint),
            context=_shown(context),
            from_outside=party.kind is PartyKind.EXTERNAL,
        )


async def watch(
    settings: AsteriskSettings, seconds: float, *, timing: Timing, listens: Callable[[], None]
) -> AsyncIterator[SeenCall]:
    """
    Calls as they begin, for this long. A second login of the same user is fine: Asterisk allows it unless manager.conf
    says `allowmultiplelogin = no`.

    Raises:
        AuthFailed, Unavailable (also when the link is lost), ProtocolError.
    """
    watcher = Watcher(settings)
    clock = asyncio.get_running_loop().time
    async with connected(settings, wanted=watcher.wanted, timing=timing, counters=AmiCounters()) as session:
        await session.set_filters()
        listens()
        until = clock() + min(seconds, LONGEST_WATCH)
        while (left := until - clock()) > 0:
            for at, frame in await session.take(timeout_seconds=min(left, _PATIENCE / 4)):
                for call in watcher.feed(frame, at, clock()):
                    yield call
            for call in watcher.tick(clock()):
                yield call
        for call in watcher.end():
            yield call


def _number(value: str) -> str:
    shown = _shown(present(value))
    return "" if shown in _NO_NUMBER else shown


def _shown(value: str) -> str:
    return "".join(c for c in value if c.isprintable())[:_LONGEST]
