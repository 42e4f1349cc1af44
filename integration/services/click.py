"""A manager's requests from the CRM's page: call a number, hang up, create a contact from the card.

Errors have the codes of `widgets/README.md`; `web/widget.py` has the HTTP.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import structlog

from integration.domain.calls.call import Call, Direction
from integration.domain.calls.ownership import crm_call_id
from integration.domain.calls.participation import PartState, extensions_of, part_of
from integration.domain.crm.entities import Person
from integration.domain.ids import CallId, Extension, ManagerId, PbxId
from integration.domain.numbers.client import client_of
from integration.domain.numbers.dialling import digits_to_dial
from integration.domain.numbers.number_class import NumberClass, class_of, emergency_digits
from integration.domain.numbers.numbering import Numbering
from integration.domain.numbers.phone import PhoneNumber
from integration.domain.numbers.phone_text import WrittenNumber, read_text
from integration.domain.settings import AccountSettings
from integration.errors import AuthFailed, DozvonError, NotFound, OutcomeUnknown, Rejected, Unavailable, Unpaid
from integration.ports.clock import Clock
from integration.ports.coordination import Coordination
from integration.ports.pbx import ClickToCall
from integration.ports.stores import CallStore, PhoneBook
from integration.services.accounts import Account
from integration.services.card import CardService, part_of_manager
from integration.services.cluster.live_calls import LiveCalls
from integration.services.responsible import with_responsible
from integration.services.strangers import StrangerCalls

log = structlog.get_logger()

_DOUBLE_CLICK_SECONDS = 3.0
_REQUEST_REMEMBERED_SECONDS = 3600.0
_RATE_SECONDS = 60.0
_LONGEST_TALK_SECONDS = 6 * 3600.0  # a call whose end we missed must not block its employee forever
_SHORT = re.compile(r"[0-9](?:[ ()-]?[0-9]){1,5}")
_SEPARATORS = re.compile(r"[ ()-]")
_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}")


class Refused(DozvonError):
    """A refused request. `code`: from the widget's API."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Desk:
    """A manager's phone: the extension that rings for a click, and its PBX."""

    manager: ManagerId
    extension: Extension
    pbx: PbxId


class ClickService:
    def __init__(
        self,
        coordination: Coordination,
        calls: CallStore,
        phone_book: PhoneBook,
        cards: CardService,
        live_calls: LiveCalls,
        clock: Clock,
        strangers: StrangerCalls,
    ) -> None:
        self._coordination = coordination
        self._strangers = strangers
        self._live_calls = live_calls
        self._clock = clock
        self._calls = calls
        self._phone_book = phone_book
        self._cards = cards

    async def call(self, account: Account, manager: ManagerId, *, number: str, request: str) -> str:
        """
        Ring the manager's phone, then the client's.

        Args:
            request: the click's id. A repeated id dials nothing and gives the same answer.

        Returns:
            The request's id. Cards show how the call continues.

        Raises:
            Refused: with the code that the widget translates.
        """
        desk = desk_of(account, manager)
        if not account.pbx(desk.pbx).abilities.dial:
            raise Refused("pbx_cannot_dial", "this telephone system cannot start calls: dial on the phone")
        if not _REQUEST_ID.fullmatch(request):
            raise Refused("bad_request", "request: 8 to 64 letters, digits and dashes")
        settings = account.settings
        extensions = {employee.extension for employee in account.at(desk.pbx).employees}
        emergency = emergency_digits(number, settings.numbering, extensions)
        dialled, written = (emergency, None) if emergency else number_to_dial(number, settings.numbering)
        if emergency is None:
            _check_class(settings, written.number if written else dialled, extensions)
        if not await self._coordination.once(
            f"click:{account.id}:{manager}:{request}", ttl_seconds=_REQUEST_REMEMBERED_SECONDS
        ):
            return request
        if emergency is None:
            await self._check_is_free(account, desk)
            await self._check_rate(account, manager)
        if not await self._coordination.once(
            f"click:{account.id}:{manager}:{dialled}", ttl_seconds=_DOUBLE_CLICK_SECONDS
        ):
            raise Refused("busy_double_click", "this number was asked for a moment ago")
        if written is not None and written.extension is not None:
            self._cards.expect(crm_call_id(account.id, request), written.extension)
        try:
            await account.pbx(desk.pbx).click_to_call(
                ClickToCall(
                    request_id=request,
                    extension=desk.extension,
                    number=dialled,
                    crm_call_id=crm_call_id(account.id, request),
                )
            )
        except OutcomeUnknown:
            log.warning("click not confirmed by the PBX", account_id=account.id)  # the call may ring: no failure
        except Unavailable as exc:
            raise Refused("pbx_offline", "the telephone system is not connected") from exc
        except Rejected as exc:
            raise Refused(exc.code or "phone_unreachable", str(exc)) from exc
        return request

    async def _check_is_free(self, account: Account, desk: Desk) -> None:
        """Raises: Refused if the phone is in a talk: it would refuse a second call, or the call would disturb."""
        try:
            calls = await self._live_calls.on_its_pbxs(account)
        except Unavailable:  # we cannot tell; the phone itself can
            return
        since = self._clock.now() - _LONGEST_TALK_SECONDS
        if any(call.started_at > since and _is_engaged(call, desk) for call in calls):
            raise Refused("already_talking", "you are in a call: end it and dial again")

    async def _check_rate(self, account: Account, manager: ManagerId) -> None:
        """Raises: Refused if the clicks are too many: a script or a stolen session must not dial through the night."""
        rules = account.settings.clicks
        for key, most in (
            (f"clicks:{account.id}:{manager}", rules.per_minute),
            (f"clicks:{account.id}", rules.account_per_minute),
        ):
            if await self._coordination.count(key, ttl_seconds=_RATE_SECONDS) > most:
                log.warning("too many clicks", account_id=account.id, manager_id=manager)
                raise Refused("too_many_clicks", f"no more than {most} calls a minute are allowed")

    async def hang_up(
        self, account: Account, manager: ManagerId, call: Call | None, *, only_ringing: bool = False
    ) -> None:
        """
        The card's red button. It declines a ringing call on the manager's phone; other phones keep ringing. It ends a
        talk with the client, and a call that the manager placed.

        Args:
            only_ringing: the button was "decline" when pressed, so a talk that began at that moment must not end.

        Raises:
            Refused: `call_unknown` if the manager has no part in it (any more).
        """
        part = part_of_manager(account, manager, call) if call is not None else None
        if call is None or part is None or part.state is PartState.ENDED:
            raise Refused("call_unknown", "this call is over")
        if part.state is PartState.TALKING and (only_ringing or not part.holds_client):
            raise Refused("already_answered", "the call was answered: hang up the talk, or at the phone")
        try:
            if part.state is PartState.RINGING and not part.is_own:
                await account.pbx(call.pbx).reject(call.id, part.extension)
            else:
                await account.pbx(call.pbx).hang_up(call.id, by=part.extension)
        except NotFound as exc:
            if part.state is PartState.RINGING and not part.is_own:
                raise Refused("not_ringing", "this call does not ring at your phone any more") from exc
            raise Refused("call_unknown", "this call is over") from exc
        except DozvonError as exc:
            raise Refused("hang_up_failed", str(exc)) from exc

    async def send_extension(self, account: Account, manager: ManagerId, call: Call | None) -> None:
        """
        Dial the extension of the client's number into the manager's talk, as tones.

        Raises:
            Refused: `call_unknown` if the manager does not talk to the client, `no_client_extension` if no extension
                is known.
        """
        part = part_of_manager(account, manager, call) if call is not None else None
        if call is None or part is None or part.state is not PartState.TALKING or not part.holds_client:
            raise Refused("call_unknown", "you are not talking to this client now")
        digits = await self._cards.client_extension(account, call)
        if digits is None:
            raise Refused("no_client_extension", "this number has no extension")
        try:
            await account.pbx(call.pbx).send_tones(call.id, digits)
        except NotFound as exc:
            raise Refused("call_unknown", "you are not talking to this client now") from exc
        except DozvonError as exc:
            raise Refused("tones_failed", str(exc)) from exc

    async def create_contact(
        self, account: Account, manager: ManagerId, *, call_id: str, name: str
    ) -> tuple[Person, bool]:
        """
        The card's "create contact", with the number of the call; the manager becomes responsible. If an entry of this
        number waits in the CRM's inbox, it is accepted, and its contact gets the name.

        Returns:
            The contact, and whether it is new: somebody may have saved the number in the meantime.

        Raises:
            Refused: with the code that the widget translates.
        """
        call = await self._calls.get(account.id, CallId(call_id))
        if call is None or not is_involved(account, manager, call):
            raise Refused("call_unknown", "this call is not yours, or it ended long ago")
        settings = account.settings
        client = client_of(call, settings.numbering)
        cleaned = " ".join(name.split())
        if client is None:
            raise Refused("bad_number", "the caller's number is withheld")
        if not isinstance(client, PhoneNumber):
            raise Refused("bad_number", "this is not a full number, so Dozvon could not find the contact by it")
        key = client.match_key
        if not 1 <= len(cleaned) <= 200:
            raise Refused("bad_request", "name: 1 to 200 characters")
        if not await self._coordination.once(f"contact:{account.id}:{key}", ttl_seconds=_DOUBLE_CLICK_SECONDS):
            raise Refused("busy_double_click", "this contact is being created")
        try:
            existing = await self._phone_book.lookup(account.id, key) or await account.crm.find_persons(client)
            if existing:
                person, created = existing[0], False
            else:
                person, _ = await with_responsible(
                    account,
                    manager,
                    lambda responsible: self._new_contact(account, responsible, cleaned, client),
                    line=call.line,
                )
                created = True
        except Refused:
            raise
        except AuthFailed as exc:
            raise Refused("crm_reauth", "the CRM must be connected again by an administrator") from exc
        except Unpaid as exc:
            raise Refused("crm_unpaid", "the CRM's subscription has ended") from exc
        except Unavailable as exc:
            raise Refused("crm_offline", "the CRM does not answer") from exc
        except Rejected as exc:
            raise Refused("not_allowed", str(exc)) from exc
        await self._phone_book.put_persons(account.id, [person], numbering=settings.numbering)
        await self._cards.show_again(account, call)
        return person, created

    async def _new_contact(self, account: Account, manager: ManagerId | None, name: str, number: PhoneNumber) -> Person:
        accepted = await self._strangers.accept(account, number, name=name, responsible=manager)
        if accepted is not None:
            return accepted
        try:
            return await account.crm.create_contact(name=name, number=number, responsible=manager)
        except OutcomeUnknown:
            found = await account.crm.find_persons(number)
            if found:
                return found[0]
            raise


def desk_of(account: Account, manager: ManagerId) -> Desk:
    """The phone from which this manager calls. Raises: Refused."""
    settings = account.settings
    if not settings.enabled:
        raise Refused("integration_disabled", "the integration is switched off")
    if not settings.is_active(manager):
        raise Refused("not_allowed", "this CRM user is not active or not paid")
    employee = account.phone_of(manager)
    if employee is None:
        raise Refused("no_extension", "no extension is assigned to you; ask your administrator")
    return Desk(manager, employee.extension, account.pbx_of(employee))


def _check_class(settings: AccountSettings, number: PhoneNumber | str, extensions: set[Extension]) -> None:
    """Raises: Refused for numbers that only an administrator may allow."""
    if number in extensions:
        return
    match class_of(number, settings.numbering):
        case NumberClass.PREMIUM if not settings.clicks.premium:
            raise Refused("premium_not_allowed", "this number costs extra, and the account does not allow that")
        case NumberClass.SATELLITE if not settings.clicks.satellite:
            raise Refused("satellite_not_allowed", "this is a satellite number, and the account does not allow those")


def _is_engaged(call: Call, desk: Desk) -> bool:
    """Whether the employee talks in this call, or waits for the called party."""
    if call.pbx != desk.pbx:
        return False
    if call.direction is Direction.INTERNAL and call.caller == desk.extension:
        return call.is_live
    part = part_of(call, desk.extension)
    return part is not None and (part.state is PartState.TALKING or (part.is_own and part.state is PartState.RINGING))


def number_to_dial(text: str, numbering: Numbering) -> tuple[str, WrittenNumber | None]:
    """
    What a click on this text dials: the first number in it, in the form that the office dials. Two to six digits stay
    unchanged, because they are an extension or a service.

    Returns:
        What to dial, and the number with its extension; None instead of the number if only digits are dialled.

    Raises:
        Refused: the text has nothing to dial.
    """
    found = read_text(text, numbering).first
    if found is not None:
        return digits_to_dial(found.number, numbering), found
    digits = _SHORT.fullmatch(text.strip())
    if digits is None:
        raise Refused("bad_number", "there is no telephone number in this")
    return _SEPARATORS.sub("", digits[0]), None


def is_involved(account: Account, manager: ManagerId, call: Call) -> bool:
    """Whether the call is this account's, and the manager placed it, or it rang at or reached their extension."""
    if call.elsewhere:
        return False
    extensions = {e.extension for e in account.at(call.pbx).employees if e.manager == manager}
    return bool(extensions & {call.caller, *extensions_of(call)})
