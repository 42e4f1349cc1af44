"""What a manager presses in the card of a live call: the red button, and the client's extension.

The process that follows the PBX decides, because it knows the call as it is now. Another process reads it from the
database, which may be behind by the moment in which a talk begins; it asks that process over the relay.
"""

from __future__ import annotations

from typing import Any

from integration.domain.calls.call import Call
from integration.domain.calls.participation import Part, PartState
from integration.domain.ids import AccountId, CallId, ManagerId, PbxId, pbx_of
from integration.errors import DozvonError, NotFound, Rejected, Unavailable
from integration.services.accounts import Account, Accounts
from integration.services.card import CardService, part_of_manager
from integration.services.click import Refused
from integration.services.cluster.live_calls import LiveCalls
from integration.services.cluster.pbx_relay import PbxRelay

_HANG_UP, _SEND_EXTENSION = "press_hang_up", "press_send_extension"
_FAILED = {_HANG_UP: "hang_up_failed", _SEND_EXTENSION: "tones_failed"}
_OVER = "this call is over"
_NOT_TALKING = "you are not talking to this client now"


class Presses:
    """One for each process with browsers; `answer_presses` lets the processes that follow PBXs answer it."""

    def __init__(self, live_calls: LiveCalls, cards: CardService, relay: PbxRelay | None) -> None:
        """`relay`: None if there is no other process."""
        self._live_calls = live_calls
        self._cards = cards
        self._relay = relay

    async def hang_up(self, account: Account, manager: ManagerId, call: CallId, *, only_ringing: bool = False) -> None:
        """
        The card's red button. It declines a ringing call on the manager's phone; other phones keep ringing. It ends a
        talk with the client, and a call that the manager placed.

        Args:
            only_ringing: the button was "decline" when pressed, so a talk that began at that moment must not end.

        Raises:
            Refused: `call_unknown` if the manager has no part in it (any more).
        """
        if not await self._passed_on(_HANG_UP, account, manager, call, {"only_ringing": only_ringing}):
            now = await self._live_calls.get(account, call)
            await _hang_up(account, manager, now, only_ringing=only_ringing)

    async def send_extension(self, account: Account, manager: ManagerId, call: CallId) -> None:
        """
        Dial the extension of the client's number into the manager's talk, as tones.

        Raises:
            Refused: `call_unknown` if the manager does not talk to the client, `no_client_extension` if no extension
                is known.
        """
        known = await self._live_calls.get(account, call)
        if known is None or part_of_manager(account, manager, known) is None:
            raise Refused("call_unknown", _NOT_TALKING)
        # Read here: only the process that got the click remembers the extension in its text.
        digits = await self._cards.client_extension(account, known) or ""
        if not await self._passed_on(_SEND_EXTENSION, account, manager, call, {"digits": digits}):
            await _send_extension(account, manager, known, digits)

    async def _passed_on(
        self, command: str, account: Account, manager: ManagerId, call: CallId, asked: dict[str, Any]
    ) -> bool:
        """Whether the process that follows the PBX has carried it out. Raises: Refused, as that process says."""
        pbx = pbx_of(call)
        is_here = pbx not in account.pbxs or self._live_calls.following(account.id, pbx) is not None
        if is_here or self._relay is None or not self._relay.peers.is_linked(pbx):
            return False
        named = {"account": account.id, "manager": manager, "call": call}
        try:
            answer = await self._relay.ask(pbx, command, {**named, **asked})
        except Rejected:  # a process of the release before does not know this command
            return False
        except Unavailable as exc:  # it may have been carried out
            raise Refused(_FAILED[command], str(exc)) from exc
        if answer is not None:
            raise Refused(str(answer["refused"]), str(answer["text"]))
        return True


def answer_presses(relay: PbxRelay, accounts: Accounts, live_calls: LiveCalls) -> None:
    """Let this process carry out what managers press in pages that are connected to other processes."""

    def present(pbx: PbxId, asked: dict[str, Any]) -> tuple[Account, ManagerId, Call | None]:
        """Raises: Unavailable if this process does not follow the PBX for the account."""
        account, tracking = accounts.get(AccountId(str(asked["account"]))), None
        if account is not None:
            tracking = live_calls.following(account.id, pbx)
        if account is None or tracking is None:
            raise Unavailable("this process does not follow the PBX")
        call = tracking.call(CallId(str(asked["call"])))
        return account, ManagerId(str(asked["manager"])), None if call is None or call.elsewhere else call

    async def hang_up(pbx: PbxId, asked: dict[str, Any]) -> dict[str, str] | None:
        account, manager, call = present(pbx, asked)
        try:
            await _hang_up(account, manager, call, only_ringing=asked["only_ringing"] is True)
        except Refused as exc:
            return {"refused": exc.code, "text": str(exc)}
        return None

    async def send_extension(pbx: PbxId, asked: dict[str, Any]) -> dict[str, str] | None:
        account, manager, call = present(pbx, asked)
        try:
            await _send_extension(account, manager, call, str(asked["digits"]))
        except Refused as exc:
            return {"refused": exc.code, "text": str(exc)}
        return None

    relay.additions[_HANG_UP] = hang_up
    relay.additions[_SEND_EXTENSION] = send_extension


async def _hang_up(account: Account, manager: ManagerId, call: Call | None, *, only_ringing: bool) -> None:
    part = part_of_manager(account, manager, call) if call is not None else None
    if call is None or part is None or part.state is PartState.ENDED:
        raise Refused("call_unknown", _OVER)
    if part.state is PartState.TALKING and (only_ringing or not part.holds_client):
        raise Refused("already_answered", "the call was answered: hang up the talk, or at the phone")
    try:
        if _declines(part):
            await account.pbx(call.pbx).reject(call.id, part.extension)
        else:
            await account.pbx(call.pbx).hang_up(call.id, by=part.extension)
    except NotFound as exc:
        if _declines(part):
            raise Refused("not_ringing", "this call does not ring at your phone any more") from exc
        raise Refused("call_unknown", _OVER) from exc
    except DozvonError as exc:
        raise Refused("hang_up_failed", str(exc)) from exc


def _declines(part: Part) -> bool:
    """Whether the red button declines on the manager's own phone, and leaves the call to the others."""
    return part.state is PartState.RINGING and not part.is_own


async def _send_extension(account: Account, manager: ManagerId, call: Call | None, digits: str) -> None:
    part = part_of_manager(account, manager, call) if call is not None else None
    if call is None or part is None or part.state is not PartState.TALKING or not part.holds_client:
        raise Refused("call_unknown", _NOT_TALKING)
    if not digits:
        raise Refused("no_client_extension", "this number has no extension")
    try:
        await account.pbx(call.pbx).send_tones(call.id, digits)
    except NotFound as exc:
        raise Refused("call_unknown", _NOT_TALKING) from exc
    except DozvonError as exc:
        raise Refused("tones_failed", str(exc)) from exc
