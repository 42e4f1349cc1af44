"""A rehearsal: six lights, each with what to do; nothing of it is a call; after a kill it goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import pytest
import pytest_asyncio

from integration.domain.connections.state import ConnectionState, ConnectionStatus
from integration.domain.crm.entities import EntityKind, EntityRef, Person
from integration.domain.ids import AccountId, Extension, ManagerId, PbxId, Timestamp
from integration.domain.rehearsal import Outcome, Rehearsal, RehearsalPart
from integration.errors import AuthFailed, DozvonError, NotFound, OutcomeUnknown, Rejected, Unavailable, Unpaid
from integration.ports.pbx_setup import PbxSetup, RingOutcome, RingResult
from integration.ports.setups import SetupState
from integration.services.rehearsals import Rehearsals
from integration.services.test_contact import nobodys_number
from integration.testing import FakePbxSetup
from integration.testing_setup import FakeSetupStore
from integration.texts.rehearsal import CONTACT_NAME
from tests.services.conftest import ACME, ANNA, PBX, World

OFFICE = AccountId("office")
ANSWERED = RingOutcome(result=RingResult.ANSWERED, has_rung=True, is_recorded=True)
READY = ConnectionState(status=ConnectionStatus.READY)
P = RehearsalPart


@dataclass
class Stage:
    """An office whose telephone and CRM a rehearsal tries."""

    world: World
    pbx: FakePbxSetup = field(default_factory=FakePbxSetup)
    store: FakeSetupStore = field(default_factory=lambda: FakeSetupStore({OFFICE: SetupState(office=OFFICE)}))
    crm: ConnectionState = READY
    shown: list[tuple[ManagerId, Extension]] = field(default_factory=list)
    has_page: bool = True
    opened: list[Rehearsals] = field(default_factory=list)

    def process(self) -> Rehearsals:
        made = Rehearsals(
            self.store,
            self.world.coordination,
            self.world.clock,
            self.world.accounts,
            self.trial,
            lambda _: self.crm,
            self.show,
            lambda _: None,
        )
        self.opened.append(made)
        return made

    async def trial(self, office: AccountId, pbx: PbxId) -> PbxSetup:
        return self.pbx

    async def show(self, account: object, manager: ManagerId, extension: Extension) -> bool:
        self.shown.append((manager, extension))
        return self.has_page

    async def rehearse(self, extension: str = "101") -> Rehearsal:
        await self.process().start(OFFICE, self.world.account, PBX, Extension(extension))
        return await self.end()

    async def end(self) -> Rehearsal:
        state = await self.store.until(
            OFFICE, lambda now: now.rehearsal is not None and now.rehearsal.ended_at is not None
        )
        assert state.rehearsal is not None
        return state.rehearsal

    def levels(self, run: Rehearsal) -> dict[str, str]:
        return {str(part): outcome.level for part, outcome in run.outcomes.items()}


@pytest_asyncio.fixture
async def stage(world: World) -> AsyncIterator[Stage]:
    stage = Stage(world)
    stage.pbx.outcomes["101"] = ANSWERED
    yield stage
    for each in stage.opened:
        await each.close()


async def test_all_six_lights_are_on(stage: Stage) -> None:
    run = await stage.rehearse()
    assert stage.levels(run) == dict.fromkeys((str(part) for part in P), "ok")
    assert run.is_well
    assert stage.shown == [(ANNA, "101")]
    assert stage.pbx.rung == ["101"]
    assert all(set(each.says) == {"ru", "uk", "en"} for each in run.outcomes.values())


async def test_the_call_is_in_a_test_contacts_feed_and_nowhere_else(stage: Stage) -> None:
    await stage.rehearse()
    crm = stage.world.crm
    [contact] = [each for each in crm.persons.values() if each.name == CONTACT_NAME.ru]
    number = nobodys_number(stage.world.account.settings)
    assert [record.client for record in crm.notes[contact.ref]] == [number]
    assert not crm.inbox
    assert await stage.world.storage.calls.recent(ACME, match_key=None, limit=10) == []
    assert await stage.world.waiting() == []


async def test_the_next_rehearsal_takes_the_same_contact_until_it_is_deleted(stage: Stage) -> None:
    crm = stage.world.crm
    await stage.rehearse()
    await stage.rehearse()
    [contact] = [each for each in crm.persons.values() if each.name == CONTACT_NAME.ru]
    assert len(crm.notes[contact.ref]) == 2
    del crm.persons[contact.ref]
    await stage.rehearse()
    assert [each.name for each in crm.persons.values()].count(CONTACT_NAME.ru) == 1


async def test_no_clients_contact_is_written_into(stage: Stage) -> None:
    """Somebody has the number of the country's examples: their feed stays as it is, and nobody else gets the number."""
    number = nobodys_number(stage.world.account.settings)
    assert number is not None
    client = Person(ref=EntityRef(EntityKind.CONTACT, "77"), name="Клиент", responsible=None, phones=(number.e164,))
    stage.world.crm.add(client)
    before = len(stage.world.crm.persons)
    run = await stage.rehearse()
    assert run.outcomes[P.FEED].level == "warning"
    assert "Клиент" in run.outcomes[P.FEED].says["ru"]
    assert (len(stage.world.crm.persons), stage.world.crm.notes[client.ref]) == (before, [])


async def test_what_it_made_is_taken_away_or_named(stage: Stage) -> None:
    run = await stage.rehearse()
    assert stage.pbx.files == {}, "the recording is deleted"
    assert len(run.left) == 1, "the contact stays, and that is said"
    stage.pbx.keeps_files = True
    run = await stage.rehearse()
    assert any(f"dozvon-rehearsal-{run.id}.wav" in each["en"] for each in run.left)


@pytest.mark.parametrize(
    ("outcome", "level"),
    [
        (RingOutcome(result=RingResult.RANG_OUT, has_rung=True), "ok"),
        (RingOutcome(result=RingResult.NOT_REGISTERED), "error"),
    ],
)
async def test_a_phone_that_nobody_answers(stage: Stage, outcome: RingOutcome, level: str) -> None:
    stage.pbx.outcomes["101"] = outcome
    run = await stage.rehearse()
    assert run.outcomes[P.PHONE].level == level
    assert run.outcomes[P.PHONE].advice["ru"]
    assert run.outcomes[P.RECORDING].level == "warning"
    assert run.outcomes[P.FEED].level == "ok", "the CRM is tried all the same"


async def test_a_crm_that_is_not_connected_is_not_written_to(stage: Stage) -> None:
    stage.crm = ConnectionState(status=ConnectionStatus.NEEDS_CONSENT)
    run = await stage.rehearse()
    assert (run.outcomes[P.CRM].level, run.outcomes[P.CRM].step) == ("error", "crm")
    assert run.outcomes[P.FEED].level == "warning"
    assert run.left == ()
    assert stage.world.crm.notes == {}


async def test_a_pbx_that_is_away_rings_nobody(stage: Stage) -> None:
    stage.pbx.fail_next += [Unavailable("the PBX does not answer")]
    run = await stage.rehearse()
    assert run.outcomes[P.PBX].level == "error"
    assert "does not answer" in run.outcomes[P.PBX].says["en"]
    assert stage.pbx.rung == []


async def test_without_a_page_and_without_a_manager_the_card_says_what_to_do(stage: Stage) -> None:
    stage.has_page = False
    run = await stage.rehearse()
    assert (run.outcomes[P.CARD].level, run.outcomes[P.CARD].step) == ("warning", "crm")
    run = await stage.rehearse("109")
    assert (run.outcomes[P.CARD].level, run.outcomes[P.CARD].step) == ("error", "people")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (AuthFailed("token is dead"), "доступ не дан"),
        (Unpaid("402"), "подписка"),
        (Unavailable("502"), "не отвечает"),
        (Rejected("the field PHONE is missing"), "PHONE"),
    ],
)
async def test_what_the_crm_refuses_is_said_in_the_readers_language(
    stage: Stage, error: DozvonError, said: str
) -> None:
    stage.world.crm.fail_before.append(error)
    run = await stage.rehearse()
    assert run.outcomes[P.FEED].level == "error"
    assert said in run.outcomes[P.FEED].says["ru"]


async def test_an_answer_that_was_lost_is_looked_for(stage: Stage) -> None:
    await stage.rehearse()  # makes the contact
    stage.world.crm.fail_after.append(OutcomeUnknown("the answer was lost"))
    run = await stage.rehearse()
    assert run.outcomes[P.FEED].level == "ok"
    assert stage.world.crm.logged(f"{PBX}:rehearsal-{run.id}") == 1


async def cut(stage: Stage, *tried: RehearsalPart, **values: object) -> Rehearsal:
    """What a kill leaves of a rehearsal in which these parts were tried."""
    run = Rehearsal(
        id="abc123",
        account=ACME,
        pbx=PBX,
        extension=Extension("101"),
        manager=ANNA,
        started_at=stage.world.clock.now(),
        outcomes={part: Outcome(level="ok", says=dict.fromkeys(("ru", "uk", "en"), "…")) for part in tried},
    )
    run = replace(run, **values)  # type: ignore[arg-type]
    await stage.store.change(OFFICE, lambda state: replace(state, rehearsal=run))
    return run


async def test_a_rehearsal_that_was_cut_goes_on_where_it_was(stage: Stage) -> None:
    run = await cut(stage, P.CRM, P.PBX, P.CARD, P.PHONE)
    await stage.process().go_on(OFFICE, run)
    assert (await stage.end()).next_part is None
    assert (stage.shown, stage.pbx.rung) == ([], []), "nothing is done twice"


async def test_a_call_that_may_be_written_is_looked_for_before_it_is_written_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Written, then killed before that was stored."""
    run = await stage.rehearse()
    monkeypatch.setattr(stage.world.coordination, "is_marked", _never_marked)  # the killed process's mark is over
    again = await cut(stage, P.CRM, P.PBX, P.CARD, P.PHONE, id=run.id, is_writing=True)
    await stage.process().go_on(OFFICE, again)
    assert (await stage.end()).outcomes[P.FEED].level == "ok"
    assert stage.world.crm.logged(f"{PBX}:rehearsal-{run.id}") == 1


async def _never_marked(key: str) -> bool:
    return False


async def test_long_after_a_kill_no_phone_rings(stage: Stage) -> None:
    run = await cut(stage, P.CRM, P.PBX, P.CARD)
    stage.world.clock.advance(3600)
    await stage.process().go_on(OFFICE, run)
    assert (await stage.end()).outcomes[P.PHONE].level == "warning"
    assert stage.pbx.rung == []


async def test_a_rehearsal_that_is_over_is_not_begun_again(stage: Stage) -> None:
    run = await cut(stage, *P, ended_at=Timestamp(1.0))
    process = stage.process()
    await process.go_on(OFFICE, run)
    assert process.count == 0


async def test_a_recording_that_cannot_be_found_says_where_to_mend_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nowhere(file: str, call: object = None) -> AsyncIterator[bytes]:
        if file:
            raise NotFound("there is no such recording: looked in /var/spool/asterisk/monitor", code="no_recording")
        yield b""

    monkeypatch.setattr("integration.services.rehearsals._FILE_SECONDS", 0.0)
    monkeypatch.setattr(FakePbxSetup, "recording", staticmethod(nowhere))
    run = await stage.rehearse()
    assert (run.outcomes[P.RECORDING].level, run.outcomes[P.RECORDING].step) == ("warning", "routing")
    said = run.outcomes[P.RECORDING].says["ru"]
    assert f"dozvon-rehearsal-{run.id}.wav" in said
    assert "looked in" not in said, "in the language of the page"


async def test_a_second_start_takes_the_place_of_the_first(stage: Stage) -> None:
    process = stage.process()
    await asyncio.gather(*(process.start(OFFICE, stage.world.account, PBX, Extension(each)) for each in ("101", "102")))
    run = await stage.end()
    assert run.extension in ("101", "102")
    assert set(run.outcomes) == set(P)
