"""A telephone system: its events, the commands to it, and its route requests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from integration.domain.calls.call import Call
from integration.domain.calls.events import CallEvent
from integration.domain.connections.abilities import PbxAbilities
from integration.domain.connections.link import Link
from integration.domain.ids import CallId, PbxId, Timestamp
from integration.domain.routing.route import RouteDecision, RouteQuestion
from integration.domain.sentences import Words
from integration.ports.findings import Finding


class PbxListener(Protocol):
    """Receives what happens on a PBX; `services.tracking` implements it."""

    async def on_events(self, events: Sequence[CallEvent]) -> None:
        """Takes events in order. They are stored when it returns."""

    async def on_resync(self, live: frozenset[CallId], at: Timestamp) -> None:
        """The link is up (again) and the snapshot is complete: `live` are all calls on the PBX. Calls that are live in
        the store and missing from it ended while the link was down."""

    async def on_link(self, is_up: bool, reason: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ClickToCall:
    """
    `extension`'s phone rings first, then `number` is dialled.

    `request_id` is ours and unique: the PBX channel has its name, so a repeated request finds the call.
    """

    request_id: str
    extension: str
    number: str  # digits with an optional leading +; validated
    crm_call_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DialSample:
    """
    A number as a click in this office dials it; the doctor tries it on the PBX.

    Attributes:
        what: in plain words, "a mobile", where there are some in three languages.
        others: other ways to dial it, each with the settings that make a click dial this way.
    """

    what: str | Words
    dialled: str
    others: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PbxEmployee:
    extension: str
    name: str = ""
    is_registered: bool | None = None


class Pbx(Protocol):
    @property
    def id(self) -> PbxId: ...

    @property
    def abilities(self) -> PbxAbilities:
        """What this kind of PBX can do. Methods for what it cannot are not called."""

    @property
    def is_connected(self) -> bool: ...

    @property
    def link(self) -> Link:
        """The link as it is now, with why it is not up and when it is tried again. Sends nothing, never raises."""

    async def run(self, listener: PbxListener) -> None:
        """Stay connected, resynchronise after each loss, pass on events; until cancelled."""

    async def click_to_call(self, request: ClickToCall) -> CallId:
        """Start the call. Returns its id at once; the result arrives as events. Raises: Unavailable, Rejected."""

    async def hang_up(self, call: CallId, *, by: str | None = None) -> None:
        """
        End the whole call. `by`: the extension of the employee who pressed, reported as `HangUpPressed`.

        Raises: NotFound if it is over, Unavailable, Rejected.
        """

    async def reject(self, call: CallId, extension: str) -> None:
        """
        Decline the call on all devices of one extension, as a person at the phone would. Other phones keep ringing,
        and the PBX continues as after a declined phone. Reported as `HangUpPressed` too.

        Raises: NotFound if nothing rings there, Unavailable, Rejected.
        """

    async def send_tones(self, call: CallId, digits: str) -> None:
        """
        Send digits as tones to the client's side during the talk, such as the extension behind a voice menu.

        Raises: NotFound if the call is over or nobody talks, Unavailable, Rejected.
        """

    async def redirect(self, call: CallId, extension: str) -> None:
        """Send the client's channel to another extension. Raises: NotFound if the call is over."""

    async def hold(self, call: CallId, *, on: bool) -> None:
        """Put the client on hold, or take them back. Raises: Rejected if the PBX cannot do it."""

    async def employees(self) -> list[PbxEmployee]: ...

    def recording(self, file: str, call: Call | None = None) -> AsyncIterator[bytes]:
        """The bytes of a recording by the name in `RecordingStarted`; with its call, also if the PBX has renamed it.
        Raises: NotFound (its message names the searched files), Unavailable."""

    async def diagnose(self, samples: Sequence[DialSample] = ()) -> list[Finding]:
        """The PBX's part of `dozvon doctor`, including whether the PBX would accept these numbers; never raises."""


class RouteAnswerer(Protocol):
    """Decides where an incoming call goes: PBX adapters ask, `services.routing` implements it."""

    async def route(self, question: RouteQuestion, native_id: str) -> RouteDecision:
        """
        Route the call whose first channel is `native_id` (the `CallId` is made from it).

        Never raises: the outcome is `reserve` when it cannot decide. Called once a call; the adapter stores the plan
        on the PBX's channel, so later steps need only the channel.
        """
