"""A CRM that follows calls while they last: it gives each an id, shows its own card, and writes the call at its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from integration.domain.calls.call import Call, Direction
from integration.domain.crm.entities import EntityRef
from integration.domain.ids import ManagerId, Timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveCall:
    """
    A call as the CRM registers it. A repeated registration has the same values, so that the CRM recognises it.

    Attributes:
        key: unique for the call, at most 64 ASCII characters.
        number: the client's, in E.164 or bare digits.
        is_callback: the client asked in the CRM to be called.
        line: the DID by which the client is connected; None: not known.
        manager: whose call it is at the moment; the CRM demands one.
        client: whose number it is; None: the CRM may look for it.
        makes_client: if nobody has the number, the CRM makes what it makes of a stranger.
        source: where that client comes from, the advertising channel as the office names it; empty: not known.
    """

    key: str
    number: str
    direction: Direction
    is_callback: bool = False
    started_at: Timestamp
    line: str | None
    manager: ManagerId
    client: EntityRef | None
    makes_client: bool
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedLine:
    """`makes_clients`: of a number that an employee calls from the CRM's own page, and that nobody has."""

    name: str
    makes_clients: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredCall:
    """
    Attributes:
        id: the CRM's id of the live call.
        client: to whom the CRM has bound it; None: to nobody.
        made: what the CRM has made of a stranger.
        not_made: why it made nothing, in the CRM's words, though it should have; an employee's own number for example.
    """

    id: str
    client: EntityRef | None = None
    made: tuple[EntityRef, ...] = ()
    not_made: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEnd:
    """
    How a call ended. `manager`: who had the client last, or is responsible for a missed call. `reason`: for people,
    why it failed; empty if the result says enough.
    """

    call: Call
    manager: ManagerId
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedCall:
    """
    Attributes:
        id: the CRM's id of the call.
        activity: of its record in the client's feed; None: it is bound to nobody, and only in the CRM's statistics.
        client: in whose feed it is.
    """

    id: str
    activity: str | None
    client: EntityRef | None


class LiveCalls(Protocol):
    """
    The live calls of one CRM account, of a kind with the ability `live_calls`. Registering and showing go before logs.

    Every method raises the errors of `integration.errors`; those with a manager also NotResponsible.
    """

    async def register(self, call: LiveCall, *, show: Sequence[ManagerId]) -> RegisteredCall:
        """
        Register a call that goes on, and open its card at these managers. A call that began less than
        `repeats_seconds` ago may be registered again: it stays one.

        Raises:
            OutcomeUnknown: it may be registered.
        """

    @property
    def repeats_seconds(self) -> float:
        """How long after its start the CRM recognises a repeated registration of a call that goes on."""

    async def show_cards(self, id_: str, *, show: Sequence[ManagerId] = (), hide: Sequence[ManagerId] = ()) -> None:
        """Close and open cards. Idempotent; does nothing for a finished call."""

    async def finish(self, id_: str, end: CallEnd, *, hide: Sequence[ManagerId]) -> FinishedCall:
        """
        Close the cards of `hide` and of the end's manager, then finish the call.

        Raises:
            NotFound: it is finished, or the CRM has forgotten it: look with `find_finished`.
            OutcomeUnknown: it may be finished: look before repeating.
        """

    async def record(self, call: LiveCall, end: CallEnd) -> FinishedCall:
        """
        Write a call that is over and was never registered, with its true start and without a card.

        Raises:
            OutcomeUnknown: it may be written, and a repetition is not recognised: look before repeating.
        """

    async def find_finished(self, *, key: str, id_: str | None) -> FinishedCall | None:
        """A finished call by our key, or by the CRM's id (a call that the CRM began has no key)."""

    async def describe(self, finished: FinishedCall, text: str) -> None:
        """
        Put this text into the record of a finished call, in place of what was said there; may be repeated. Does nothing
        for a call without a record.
        """

    async def attach_recording(self, id_: str, *, name: str, file: Path) -> str:
        """
        Give a finished call its recording, an mp3; replaces an earlier one. Returns the CRM's id of the file.

        Raises:
            NotFound: the call is not finished.
        """

    async def publish_lines(self, lines: Mapping[str, PublishedLine]) -> None:
        """Have the CRM know these lines, by DID. Lines that are not named here stay."""

    async def tell(self, manager: ManagerId, text: str, *, about: str) -> None:
        """A message to one user. `about`: a new message about the same thing takes the place of the older one."""
