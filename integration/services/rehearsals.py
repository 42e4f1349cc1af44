"""Rehearsals: tries what a client's call needs at one manager's phone, and takes away again what it made.

Nothing of it is a call: it is in no statistics, rings nobody else and follows no rule. `test_contact.py` has the part
in the CRM. After a kill the rehearsal goes on in another process, or in this one after its start.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from uuid import uuid4

import structlog

from integration.domain.connections.state import ConnectionState, ConnectionStatus
from integration.domain.ids import AccountId, Extension, ManagerId, PbxId
from integration.domain.rehearsal import Outcome, Rehearsal, RehearsalPart
from integration.domain.sentences import Sentence, Words
from integration.domain.setup import Step
from integration.errors import AuthFailed, DozvonError, NotFound, Unavailable, Unpaid
from integration.ports.clock import Clock
from integration.ports.coordination import Coordination
from integration.ports.findings import FindingLevel
from integration.ports.pbx_setup import NO_PLACE, PbxSetup, RingResult
from integration.ports.setups import SetupState, SetupStore
from integration.services.accounts import Account, Accounts
from integration.services.carried_work import MARK_SECONDS, CarriedWork
from integration.services.test_contact import TestContact
from integration.texts import LANGUAGES
from integration.texts import rehearsal as words
from integration.texts.connections import state_sentence
from integration.texts.pbx_setup import RING_RESULTS

log = structlog.get_logger()

OF_LATER_STEPS = frozenset({"dialplan", "recordings", "way back"})
"""Checks of the telephone system that the step about it cannot have right yet."""

_RING_SECONDS = 20.0
_RINGS_AGAIN_SECONDS = 60.0  # after a kill; later nobody waits for the phone any more
_FILE_SECONDS = 10.0  # until the PBX has closed the recording

ShowCard = Callable[[Account, ManagerId, Extension], Awaitable[bool]]
"""Shows a card for a trial on the open pages of a manager. False: there are none."""
Trial = Callable[[AccountId, PbxId], Awaitable[PbxSetup]]


class Rehearsals:
    def __init__(
        self,
        store: SetupStore,
        coordination: Coordination,
        clock: Clock,
        accounts: Accounts,
        trial: Trial,
        crm_state: Callable[[AccountId], ConnectionState],
        show_card: ShowCard,
        tell: Callable[[AccountId], None],
    ) -> None:
        """
        Args:
            trial: the questions to a PBX of an office. Raises: DozvonError.
            tell: the office's pages are out of date.
        """
        self._store = store
        self._clock = clock
        self._accounts = accounts
        self._trial = trial
        self._crm_state = crm_state
        self._show_card = show_card
        self._tell = tell
        self._work = CarriedWork(coordination, "rehearsal")

    async def start(self, office: AccountId, account: Account, pbx: PbxId, extension: Extension) -> None:
        """In place of an older one. Raises: Unavailable."""
        new = Rehearsal(
            id=uuid4().hex[:12],
            account=account.id,
            pbx=pbx,
            extension=extension,
            manager=account.at(pbx).manager_of(extension),
            started_at=self._clock.now(),
        )
        await self._store.change(office, lambda state: replace(state, rehearsal=new))
        await self._work.begin(new.id, lambda: self._run(office, new.id))
        self._tell(office)

    async def go_on(self, office: AccountId, found: Rehearsal | None) -> None:
        """Go on with one whose process was killed. Raises: Unavailable."""
        if found is not None and found.ended_at is None:
            await self._work.carry_on(found.id, lambda: self._run(office, found.id))

    async def run(self) -> None:
        """Go on with those whose process was killed, once it is sure that nobody else does. Until cancelled."""
        await asyncio.sleep(MARK_SECONDS)
        for state in await self._store.all():
            await self.go_on(state.office, state.rehearsal)
        await asyncio.Event().wait()

    @property
    def count(self) -> int:
        """Rehearsals that this process carries."""
        return self._work.count

    async def close(self) -> None:
        await self._work.close()

    # ---- one rehearsal -----------------------------------------------------------------------------------------------

    async def _run(self, office: AccountId, id_: str) -> None:
        now = await self._now(office, id_)
        while now is not None and (part := now.next_part) is not None:
            account = self._accounts.get(now.account)
            if account is None:
                outcome = _outcome(FindingLevel.ERROR, words.CRM_FIRST, words.MEND_CRM, Step.CRM)
            else:
                outcome = await self._try(part, office, account, now)
            now = await self._changed(office, id_, lambda each, part=part, outcome=outcome: each.tried(part, outcome))  # type: ignore[misc]
        if now is not None:
            await self._clean(office, now)

    async def _try(self, part: RehearsalPart, office: AccountId, account: Account, now: Rehearsal) -> Outcome:
        match part:
            case RehearsalPart.CRM:
                return self._crm(account)
            case RehearsalPart.PBX:
                return await self._pbx(office, now)
            case RehearsalPart.CARD:
                return await self._card(account, now)
            case RehearsalPart.PHONE:
                return await self._phone(office, now)
            case RehearsalPart.FEED:
                return await self._feed(office, account, now)
            case RehearsalPart.RECORDING:
                return await self._recording(office, now)

    def _crm(self, account: Account) -> Outcome:
        state = self._crm_state(account.id)
        if state.status in (ConnectionStatus.READY, ConnectionStatus.OFF):
            return _outcome(FindingLevel.OK, words.CRM_READY)
        said = {language: state_sentence(state, language) for language in LANGUAGES}
        return Outcome(level=FindingLevel.ERROR, says=said, advice=_said(words.MEND_CRM), step=Step.CRM)

    async def _pbx(self, office: AccountId, now: Rehearsal) -> Outcome:
        """Its permissions first, then whether it reaches Dozvon."""
        try:
            trial = await self._trial(office, now.pbx)
            rights = [each for each in await trial.diagnose() if each.check not in OF_LATER_STEPS]
            if wrong := next((each for each in rights if each.level is FindingLevel.ERROR), None):
                return _outcome(wrong.level, wrong.says, wrong.advice or words.MEND_PBX, Step.PBX)
            back = await trial.check_route_setup()
        except DozvonError as exc:
            return _failed(exc, words.MEND_PBX, Step.PBX)
        if wrong := next((each for each in back if each.level is not FindingLevel.OK), None):
            # Its calls still come, without a route to the responsible manager.
            return _outcome(FindingLevel.WARNING, wrong.says, wrong.advice or words.MEND_ROUTE, Step.ROUTING)
        return _outcome(FindingLevel.OK, words.PBX_READY)

    async def _card(self, account: Account, now: Rehearsal) -> Outcome:
        if now.manager is None:
            said = words.CARD_NOBODY(extension=now.extension)
            return _outcome(FindingLevel.ERROR, said, words.MEND_PEOPLE, Step.PEOPLE)
        name = account.manager_name(now.manager) or now.manager
        try:
            is_shown = await self._show_card(account, now.manager, now.extension)
        except DozvonError as exc:
            return _failed(exc, words.START_AGAIN)
        if is_shown:
            return _outcome(FindingLevel.OK, words.CARD_SHOWN(name=name))
        return _outcome(FindingLevel.WARNING, words.CARD_NOWHERE(name=name), words.OPEN_CRM, Step.CRM)

    async def _phone(self, office: AccountId, now: Rehearsal) -> Outcome:
        if not now.is_reached(RehearsalPart.PBX):
            return _outcome(FindingLevel.WARNING, words.PBX_FIRST)
        if self._clock.now() - now.started_at > _RINGS_AGAIN_SECONDS:
            return _outcome(FindingLevel.WARNING, words.CUT, words.START_AGAIN)
        file = f"dozvon-rehearsal-{now.id}.wav"
        try:
            rang = await (await self._trial(office, now.pbx)).ring(now.extension, seconds=_RING_SECONDS, record_as=file)
        except DozvonError as exc:
            return _failed(exc, words.PHONE_AGAIN, Step.PBX)
        is_answered = rang.result is RingResult.ANSWERED
        recorded = file if rang.is_recorded else ""
        await self._changed(office, now.id, lambda each: replace(each, is_answered=is_answered, recording=recorded))
        if is_answered:
            return _outcome(FindingLevel.OK, RING_RESULTS[rang.result])
        if rang.has_rung:
            return _outcome(FindingLevel.OK, RING_RESULTS[rang.result], words.PICK_UP)
        return _outcome(FindingLevel.ERROR, RING_RESULTS[rang.result], words.PHONE_AGAIN, Step.PBX)

    async def _feed(self, office: AccountId, account: Account, now: Rehearsal) -> Outcome:
        if not now.is_reached(RehearsalPart.CRM):
            return _outcome(FindingLevel.WARNING, words.CRM_FIRST)
        contact = TestContact(account, now)
        try:
            state = await self._store.get(office)
            known = state.test_contacts.get(now.account, "") if state is not None else ""
            person = await contact.found(known)
            if person is None and (other := await contact.client_with_number()) is not None:
                said = words.NUMBER_TAKEN(number=contact.number, name=other.name)
                return _outcome(FindingLevel.WARNING, said, words.RENAME_CLIENT(name=contact.name))
            person = person or await contact.created()
            await self._remember(office, now, person.ref.id)
            if now.is_writing:  # before a kill
                await contact.write_once(person)
            else:
                await self._changed(office, now.id, lambda each: replace(each, is_writing=True))
                await contact.write(person)
        except DozvonError as exc:
            said = words.NOT_WRITTEN(detail=_why_not_written(exc))
            return _outcome(FindingLevel.ERROR, said, words.CHECK_RIGHTS, Step.CRM)
        return _outcome(FindingLevel.OK, words.WRITTEN(name=person.name))

    async def _recording(self, office: AccountId, now: Rehearsal) -> Outcome:
        if not now.is_reached(RehearsalPart.PBX):
            return _outcome(FindingLevel.WARNING, words.PBX_FIRST)
        try:
            trial = await self._trial(office, now.pbx)
            if now.recording:
                size = await _read(trial, now.recording)
                return _outcome(FindingLevel.OK, words.RECORDED(kib=max(1, size // 1024)))
            newest = await trial.newest_recordings(1)
        except DozvonError as exc:
            return _outcome(FindingLevel.WARNING, _why_no_recording(exc, now), words.MEND_ROUTE, Step.ROUTING)
        if newest:
            return _outcome(FindingLevel.OK, words.NEWEST(name=newest[0].name))
        if not now.is_answered:
            return _outcome(FindingLevel.WARNING, words.NO_TALK, words.PICK_UP)
        said = words.NO_RECORDING(detail=words.NONE_THERE)
        return _outcome(FindingLevel.WARNING, said, words.MEND_ROUTE, Step.ROUTING)

    async def _clean(self, office: AccountId, now: Rehearsal) -> None:
        """Take away what it made; say what stays, and where. Then it is over."""
        left: list[Words | Sentence] = []
        if now.recording and not await self._is_file_removed(office, now):
            left.append(words.FILE_STAYS(file=now.recording))
        if now.is_writing:
            left.append(words.CONTACT_STAYS)
        said = tuple(_said(each) for each in left)
        await self._changed(office, now.id, lambda each: replace(each, ended_at=self._clock.now(), left=said))

    async def _is_file_removed(self, office: AccountId, now: Rehearsal) -> bool:
        try:
            return await (await self._trial(office, now.pbx)).remove_recording(now.recording)
        except DozvonError as exc:
            log.info("the recording of a rehearsal was not removed", office=office, error=str(exc))
            return False

    # ---- its state ---------------------------------------------------------------------------------------------------

    async def _now(self, office: AccountId, id_: str) -> Rehearsal | None:
        state = await self._store.get(office)
        found = state.rehearsal if state is not None else None
        return found if found is not None and found.id == id_ else None

    async def _changed(self, office: AccountId, id_: str, change: Callable[[Rehearsal], Rehearsal]) -> Rehearsal | None:
        """None: another rehearsal has taken its place."""

        def changed(state: SetupState) -> SetupState:
            if state.rehearsal is None or state.rehearsal.id != id_:
                return state
            return replace(state, rehearsal=change(state.rehearsal))

        state = await self._store.change(office, changed)
        self._tell(office)
        found = state.rehearsal if state is not None else None
        return found if found is not None and found.id == id_ else None

    async def _remember(self, office: AccountId, now: Rehearsal, contact: str) -> None:
        """So that the next rehearsal takes the same contact."""
        await self._store.change(
            office, lambda state: replace(state, test_contacts={**state.test_contacts, now.account: contact})
        )


async def _read(trial: PbxSetup, file: str) -> int:
    """The size of a recording in bytes, once the PBX has closed it. Raises: DozvonError."""
    loop = asyncio.get_running_loop()
    until = loop.time() + _FILE_SECONDS
    while True:
        try:
            return sum([len(part) async for part in trial.recording(file)])
        except (NotFound, Unavailable):
            if loop.time() >= until:
                raise
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)


_LOOK_AGAIN_SECONDS = 0.5


def _why_not_written(exc: DozvonError) -> Words | str:
    """What the CRM's own words are about, where that is known."""
    match exc:
        case AuthFailed():
            return words.NO_CONSENT
        case Unpaid():
            return words.NOT_PAID
        case Unavailable():
            return words.CRM_SILENT
    return str(exc)


def _why_no_recording(exc: DozvonError, now: Rehearsal) -> Sentence:
    if isinstance(exc, NotFound) and exc.code == NO_PLACE:
        return words.NO_PLACE()
    if isinstance(exc, NotFound) and now.recording:
        return words.NO_FILE(file=now.recording)
    return words.NO_RECORDING(detail=str(exc))


def _said(text: Words | Sentence) -> dict[str, str]:
    sentence = text() if isinstance(text, Words) else text
    return {language: _capital(sentence.say(language)) for language in LANGUAGES}


def _capital(text: str) -> str:
    """Checks of a PBX are also printed behind a colon, in lower case."""
    return text[:1].upper() + text[1:]


def _outcome(
    level: FindingLevel, says: Words | Sentence, advice: Words | Sentence | None = None, step: Step | None = None
) -> Outcome:
    todo = _said(advice) if advice is not None else {}
    return Outcome(level=level.value, says=_said(says), advice=todo, step=step or "")


def _failed(exc: DozvonError, advice: Words, step: Step | None = None) -> Outcome:
    if exc.fault is None:
        said = dict.fromkeys(LANGUAGES, str(exc))
    else:
        state = ConnectionState(status=ConnectionStatus.RETRYING, reason=exc.fault)
        said = {language: state_sentence(state, language) for language in LANGUAGES}
    return Outcome(level=FindingLevel.ERROR.value, says=said, advice=_said(advice), step=step or "")
