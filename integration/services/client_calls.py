"""The calls of one client of the CRM, for a page in the client's card: by the client's numbers, with recordings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from integration.domain.calls.call import Call
from integration.domain.calls.intents import IntentKind
from integration.domain.crm.entities import EntityKind, EntityRef, Person
from integration.domain.ids import AccountId, CallId
from integration.domain.numbers.phone_text import match_keys
from integration.ports.stores import CallStore, Outbox, PhoneBook, RecordingStore
from integration.services.accounts import Account

_MOST_CALLS = 20
_MOST_PERSONS = 5  # of a deal
_MOST_NUMBERS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCall:
    """`recording`: the opaque id under which it is served."""

    call: Call
    recording: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCalls:
    """`phones`: as typed in the CRM. `calls`: the newest first; `has_more`: there are older ones."""

    phones: tuple[str, ...]
    calls: tuple[ClientCall, ...]
    has_more: bool


class ClientCallService:
    def __init__(self, phone_book: PhoneBook, calls: CallStore, outbox: Outbox, recordings: RecordingStore) -> None:
        self._phone_book = phone_book
        self._calls = calls
        self._outbox = outbox
        self._recordings = recordings

    async def of(self, account: Account, subject: EntityRef) -> ClientCalls:
        """
        Args:
            subject: a person, or a deal: then the calls are those of its persons.

        Raises:
            Unavailable, AuthFailed: the client is not in the phone book, and the CRM does not answer.
        """
        persons = await self._persons(account, subject)
        phones = tuple(dict.fromkeys(phone for person in persons for phone in person.phones))[:_MOST_NUMBERS]
        found: dict[CallId, Call] = {}
        for key in match_keys(phones, account.settings.numbering):
            for call in await self._calls.recent(account.id, match_key=key, limit=_MOST_CALLS + 1):
                if call.disposition is not None and call.merged_into is None:
                    found[call.id] = call
        newest = sorted(found.values(), key=lambda call: call.started_at, reverse=True)
        shown = [
            ClientCall(call=call, recording=await self._recording(account.id, call)) for call in newest[:_MOST_CALLS]
        ]
        return ClientCalls(phones=phones, calls=tuple(shown), has_more=len(newest) > _MOST_CALLS)

    async def _persons(self, account: Account, subject: EntityRef) -> Sequence[Person]:
        if subject.kind is not EntityKind.DEAL:
            return await self._person(account, subject)
        deal = await account.crm.deal(subject)
        if deal is None:
            return []
        refs = dict.fromkeys((deal.main_person, *deal.persons))
        named = [ref for ref in refs if ref is not None][:_MOST_PERSONS]
        return [person for ref in named for person in await self._person(account, ref)]

    async def _person(self, account: Account, ref: EntityRef) -> list[Person]:
        """One who was created a moment ago may not be in the phone book yet."""
        person = await self._phone_book.get(account.id, ref) or await account.crm.person(ref)
        return [] if person is None or person.is_deleted else [person]

    async def _recording(self, account: AccountId, call: Call) -> str | None:
        results = await self._outbox.results(account, call.id)
        for key in (f"{IntentKind.FETCH_RECORDING}:late", IntentKind.FETCH_RECORDING):
            recording = results.get(key, {}).get("recording")
            if recording and await self._recordings.open(str(recording)) is not None:
                return str(recording)
        return None
