"""A telephone system: its events, the commands to it, and its route requests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from integration.domain.calls.call import Call
from integration.domain.calls.events import CallEvent
from integration.domain.campaigns.needs import NO_CAMPAIGNS, CampaignNeeds
from integration.domain.campaigns.reception import Reception
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


class FirstLeg(StrEnum):
    """Whose phone rings first."""

    EMPLOYEE = "employee"
    CLIENT = "client"


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignCall:
    """
    One attempt of an auto-dial campaign.

    Attributes:
        attempt: ours and unique forever: the PBX channel has its name, so a repeat finds the call and dials nothing.
        number: of the client, as the office dials it: digits with an optional leading +; validated.
        extension: the employee whose phone rings first; or, if the client's does, where a client who has answered goes:
            an employee, or a group of the PBX. Empty with a `reception`.
        ring_seconds: of the phone that rings first. The other one rings as the PBX's dialplan says.
        caller_id: what the client sees, if the PBX and the carrier pass it on; None: what the PBX shows.
        line: for the PBX's dialplan, which chooses the trunk.
        answers_itself: with the employee's phone first, ask it to answer without a hand, as `Pbx.hand_over` does.
        reception: with the client's phone first, what a client who has answered meets. Only for a PBX with the ability
            `receives`.
    """

    attempt: str
    number: str
    extension: str
    first: FirstLeg
    ring_seconds: int
    caller_id: str | None = None
    line: str = ""
    answers_itself: bool = False
    reception: Reception | None = None


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
    """`email`: of the mailbox. `devices`: the phones of this extension, as the PBX names them, if it tells."""

    extension: str
    name: str = ""
    is_registered: bool | None = None
    email: str = ""
    devices: tuple[str, ...] = ()


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

    async def dial(self, request: CampaignCall) -> CallId:
        """Start a campaign's call. Like `click_to_call`: returns at once, the result arrives as events of an ordinary
        outgoing call. Raises: Unavailable, Rejected."""

    async def hand_over(self, call: CallId, extension: str, *, ring_seconds: int, answers_itself: bool = False) -> None:
        """
        Ring an employee or a group for a client who waits in a `reception` (`ClientWaiting` was reported).

        Returns at once. Answered: the two talk, and the events are those of any call. In vain: `ClientWaiting` again if
        the client's time is not over, else the announcement and `ClientTurnedAway`. While the phone rings another
        `hand_over` rings another phone instead.

        Args:
            answers_itself: ask the phone to answer without a hand, which many do if they are set up to (RFC 5373 and
                its older forms). Without it two seconds are over before somebody has lifted a receiver.

        Raises: NotFound if the client does not wait (has left, talks already), Unavailable, Rejected.
        """

    async def place_sound(self, wav: bytes) -> str:
        """
        Put a sound where the PBX can play it, and return the name for a `Reception`. The same sound has the same name,
        and is not stored twice.

        Args:
            wav: mono, 16 bit, 8 kHz; `services.telephone_sound` makes it of other forms.

        Raises: Rejected (`bad_sound`: no such WAV; `no_sounds`: no place is set up), Unavailable (the place is full).
        """

    def call_of(self, attempt: str) -> CallId:
        """The id that the call of a campaign's attempt has, or will have: for a process that was killed before `dial`
        returned it. Asks nobody."""

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

    async def diagnose(self, samples: Sequence[DialSample] = (), needs: CampaignNeeds = NO_CAMPAIGNS) -> list[Finding]:
        """The PBX's part of `dozvon doctor`, including whether the PBX would accept these numbers, and has
        what campaigns need of it; never raises."""


class RouteAnswerer(Protocol):
    """Decides where an incoming call goes: PBX adapters ask, `services.routing` implements it."""

    async def route(self, question: RouteQuestion, native_id: str) -> RouteDecision:
        """
        Route the call whose first channel is `native_id` (the `CallId` is made from it).

        Never raises: the outcome is `reserve` when it cannot decide. Called once a call; the adapter stores the plan
        on the PBX's channel, so later steps need only the channel.
        """
