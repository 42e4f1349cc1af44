"""A manager calls a number from the CRM's page. What is pressed in a card is in `presses.py`.

Errors have the codes of `widgets/README.md`; `web/widget.py` has the HTTP.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import structlog

from integration.domain.calls.call import Call, Direction
from integration.domain.calls.ownership import crm_call_id
from integration.domain.calls.participation import PartState, part_of
from integration.domain.ids import Extension, ManagerId, PbxId
from integration.domain.numbers.dialling import digits_to_dial
from integration.domain.numbers.number_class import NumberClass, class_of, emergency_digits
from integration.domain.numbers.numbering import Numbering
from integration.domain.numbers.phone import PhoneNumber
from integration.domain.numbers.phone_text import WrittenNumber, read_text
from integration.domain.settings import AccountSettings
from integration.errors import DozvonError, OutcomeUnknown, Rejected, Unavailable
from integration.ports.clock import Clock
from integration.ports.coordination import Coordination
from integration.ports.pbx import ClickToCall
from integration.services.accounts import Account
from integration.services.card import CardService
from integration.services.cluster.live_calls import LiveCalls

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
        cards: CardService,
        live_calls: LiveCalls,
        clock: Clock,
    ) -> None:
        self._coordination = coordination
        self._live_calls = live_calls
        self._clock = clock
        self._cards = cards

    async def call(
        self, account: Account, manager: ManagerId, *, number: str, request: str, crm_id: str | None = None
    ) -> str:
        """
        Ring the manager's phone, then the client's.

        Args:
            request: the click's id. A repeated id dials nothing and gives the same answer.
            crm_id: what the PBX gives back with the call (`Origin.crm_call_id`); None: the click's id.

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
        origin = crm_id or crm_call_id(account.id, request)
        if written is not None and written.extension is not None:
            self._cards.expect(origin, written.extension)
        try:
            await account.pbx(desk.pbx).click_to_call(
                ClickToCall(
                    request_id=request,
                    extension=desk.extension,
                    number=dialled,
                    crm_call_id=origin,
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
        if any(call.started_at > since and is_engaged(call, desk) for call in calls):
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


def must_be_on(account: Account, manager: ManagerId) -> None:
    """Raises: Refused if the integration is off, or not on for this manager."""
    if not account.settings.is_on_for(manager):
        raise Refused("integration_disabled", "the integration is switched off")


def desk_of(account: Account, manager: ManagerId) -> Desk:
    """The phone from which this manager calls. Raises: Refused."""
    must_be_on(account, manager)
    settings = account.settings
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


def is_engaged(call: Call, desk: Desk) -> bool:
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
