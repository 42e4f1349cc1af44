"""The test contact in an account's CRM, into whose feed rehearsals write. No client's contact is ever touched."""

from __future__ import annotations

import phonenumbers

from integration.domain.calls.call import Call, Direction, Disposition
from integration.domain.crm.entities import EntityKind, EntityRef, Person
from integration.domain.ids import CallId, ManagerId, Timestamp, record_key
from integration.domain.numbers.phone import PhoneNumber, read_number
from integration.domain.rehearsal import Rehearsal
from integration.domain.settings import AccountSettings
from integration.errors import NotFound, OutcomeUnknown, Rejected
from integration.ports.crm import CallRecord, LoggedCall
from integration.services.accounts import Account
from integration.services.responsible import with_responsible
from integration.texts.rehearsal import CALL_TEXT, CONTACT_NAME

_TALK_SECONDS = 3.0


def nobodys_number(settings: AccountSettings) -> PhoneNumber | None:
    """A number that is nobody's: the example of the country's own numbering plan."""
    sample = phonenumbers.example_number_for_type(settings.country, phonenumbers.PhoneNumberType.FIXED_LINE)
    if sample is None:
        return None
    return read_number(phonenumbers.format_number(sample, phonenumbers.PhoneNumberFormat.E164), settings.numbering)


class TestContact:
    """Raises the CRM's errors; Rejected where the country has no number that is nobody's."""

    __test__ = False  # for pytest, which takes every class of this name for tests

    def __init__(self, account: Account, rehearsal: Rehearsal) -> None:
        self._account = account
        self._rehearsal = rehearsal
        number = nobodys_number(account.settings)
        if number is None:
            raise Rejected(f"there is no test number of the country {account.settings.country}")
        self._number = number

    @property
    def number(self) -> str:
        return self._number.e164

    @property
    def name(self) -> str:
        return CONTACT_NAME.text(self._account.settings.language)

    async def found(self, known: str) -> Person | None:
        """The contact of an earlier rehearsal: by its id, else by number and name. None: there is none."""
        crm = self._account.crm
        if known:
            person = await crm.person(EntityRef(EntityKind.CONTACT, known))
            if person is not None and not person.is_deleted and self._is_ours(person):
                return person
        return next((each for each in await crm.find_persons(self._number) if self._is_ours(each)), None)

    async def client_with_number(self) -> Person | None:
        """Somebody who has the test number: a contact beside them would confuse real calls."""
        return next(iter(await self._account.crm.find_persons(self._number)), None)

    async def created(self) -> Person:
        async def create(manager: ManagerId | None) -> Person:
            return await self._account.crm.create_contact(name=self.name, number=self._number, responsible=manager)

        try:
            return (await with_responsible(self._account, self._rehearsal.manager, create, line=None))[0]
        except OutcomeUnknown:
            if (made := await self.found("")) is not None:
                return made
            raise

    async def write(self, person: Person) -> LoggedCall:
        """Write the call into the contact's feed; if the answer is lost, look whether it is there."""

        async def log(manager: ManagerId | None) -> LoggedCall:
            return await self._account.crm.log_call(self._record(manager), person.ref)

        try:
            return (await with_responsible(self._account, self._rehearsal.manager, log, line=None))[0]
        except OutcomeUnknown:
            written = await self._written(person)
            if written is None:
                raise
            return written

    async def write_once(self, person: Person) -> LoggedCall:
        """As `write`, where it may have been written before."""
        return await self._written(person) or await self.write(person)

    async def _written(self, person: Person) -> LoggedCall | None:
        try:
            return await self._account.crm.find_logged_call(self._record(self._rehearsal.manager), person.ref)
        except NotFound:
            return None

    def _is_ours(self, person: Person) -> bool:
        return person.name in (CONTACT_NAME.ru, CONTACT_NAME.uk, CONTACT_NAME.en)

    def _record(self, responsible: ManagerId | None) -> CallRecord:
        now = self._rehearsal
        call = Call(
            id=CallId(f"{now.pbx}:rehearsal-{now.id}"),
            account=now.account,
            pbx=now.pbx,
            native_id=f"rehearsal-{now.id}",
            direction=Direction.INBOUND,
            caller=self._number.digits,
            called="",
            started_at=now.started_at,
            answered_at=now.started_at if now.is_answered else None,
            ended_at=Timestamp(now.started_at + _TALK_SECONDS),
            disposition=Disposition.ANSWERED if now.is_answered else Disposition.MISSED,
            answered_by=now.extension if now.is_answered else None,
            final_responsible=now.extension,
            talked_seconds=_TALK_SECONDS if now.is_answered else 0.0,
        )
        return CallRecord(
            key=record_key(call.id),
            call=call,
            client=self._number,
            responsible=responsible,
            recording_url=None,
            text=CALL_TEXT.text(self._account.settings.language),
        )
