"""The routing service on a real SQLite file: what it looks up and stores, and that it always answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from integration.clock import SystemClock
from integration.domain.crm.entities import Deal, EntityKind, EntityRef, Person
from integration.domain.ids import AccountId, CallId, Extension, ManagerId, PbxId
from integration.domain.numbers.numbering import DEFAULT_NUMBERING
from integration.domain.numbers.phone import PhoneNumber
from integration.domain.routing.route import Outcome, RouteDecision, RouteQuestion, StepKind
from integration.domain.settings import AccountSettings, Employee, LineSettings
from integration.errors import Rejected, Unavailable
from integration.ports.stores import DecidedRoute, SavedStep
from integration.services.routing import Routing
from integration.storage import Storage, open_storage
from integration.testing import FakeCrm
from tests.contract.calls import a_call
from tests.databases import sqlite_url
from tests.lab.waiting import until

ACCOUNT, OLGA, PAVEL = AccountId("a"), ManagerId("1"), ManagerId("2")
SETTINGS = AccountSettings(
    account=ACCOUNT,
    default_line=LineSettings(reserve="600"),
    employees=(
        Employee(extension=Extension("101"), manager=OLGA),
        Employee(extension=Extension("102"), manager=PAVEL),
    ),
)
ASKING = replace(SETTINGS, default_line=replace(SETTINGS.default_line, unknown_lookup_seconds=0.1))
ANNA = Person(
    ref=EntityRef(EntityKind.CONTACT, "5"), name="Anna", responsible=OLGA, phones=("8 (916) 123-45-67",), created_at=1
)
ROOF = Deal(
    ref=EntityRef(EntityKind.DEAL, "7"), name="Roof", responsible=PAVEL, persons=(ANNA.ref,), main_person=ANNA.ref
)
KNOWN = RouteQuestion(did="74950000001", caller="+79161234567")
STRANGER = replace(KNOWN, caller="79269999999")


@pytest_asyncio.fixture
async def storage(tmp_path: Path) -> AsyncIterator[Storage]:
    storage = await open_storage(sqlite_url(tmp_path), data_dir=tmp_path)
    yield storage
    await storage.close()


def routing_with(storage: Storage, settings: AccountSettings | None = SETTINGS, crm: FakeCrm | None = None) -> Routing:
    return Routing(
        account=ACCOUNT,
        pbx=PbxId("office"),
        settings=lambda: settings,
        book=storage.phone_book,
        routes=storage.routes,
        clock=SystemClock(),
        crm=None if crm is None else lambda: crm,
        deadline_seconds=0.5,
    )


async def begin(storage: Storage, *uniqueids: str) -> None:
    """The PBX has these calls, and they are stored."""
    calls = [a_call(id=CallId(f"office:{each}"), account=ACCOUNT, pbx=PbxId("office")) for each in uniqueids]
    await storage.calls.save([SavedStep(call=call, intents=(), event=None) for call in calls])


def codes(decision: RouteDecision) -> list[str]:
    return [reason.code for reason in decision.reasons]


async def test_the_phone_book_and_its_open_deals_decide(storage: Storage) -> None:
    """Rings the contact's manager; with an open deal the deal's manager; a closed deal does not count."""
    routing = routing_with(storage)
    await storage.phone_book.put_persons(ACCOUNT, [ANNA], numbering=DEFAULT_NUMBERING)
    assert (await routing.route(KNOWN, "1.1")).steps[0].target == "101"
    await storage.phone_book.put_deals(ACCOUNT, [ROOF])
    assert (await routing.route(KNOWN, "1.2")).steps[0].target == "102"
    await storage.phone_book.put_deals(ACCOUNT, [replace(ROOF, is_open=False, updated_at=5)])
    assert (await routing.route(KNOWN, "1.3")).steps[0].target == "101"


async def test_decisions_are_kept_with_their_calls(storage: Storage) -> None:
    """Under the id that tracking derives, also if they still wait when Dozvon stops."""
    routing = routing_with(storage)
    keeping = asyncio.create_task(routing.run())
    await begin(storage, "1.1", "1.2")
    first = await routing.route(KNOWN, "1.1")
    last = await routing.route(STRANGER, "1.2")
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    assert await storage.routes.of(ACCOUNT, CallId("office:1.1")) == first
    assert await storage.routes.of(ACCOUNT, CallId("office:1.2")) == last


async def test_a_decision_waits_for_its_call_and_the_first_one_stands(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The question may come before the channel's event; a question without a call leaves nothing."""
    monkeypatch.setattr("integration.services.routing._LOOK_AGAIN_SECONDS", 0.05)
    routing = routing_with(storage)
    keeping = asyncio.create_task(routing.run())
    await storage.phone_book.put_persons(ACCOUNT, [ANNA], numbering=DEFAULT_NUMBERING)
    first = await routing.route(KNOWN, "1.1")
    await until(lambda: routing.waiting_for_calls == 1)
    second = await routing.route(STRANGER, "1.1")
    await routing.route(STRANGER, "made-up")
    await until(lambda: routing.waiting_for_calls == 2)
    await begin(storage, "1.1")
    await until(lambda: routing.waiting_for_calls == 1)
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    assert await storage.routes.of(ACCOUNT, CallId("office:1.1")) == first != second
    assert await storage.routes.of(ACCOUNT, CallId("office:made-up")) is None


async def test_questions_about_no_calls_do_not_pile_up(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("integration.services.routing._MAX_UNKNOWN", 5)
    routing = routing_with(storage)
    for number in range(12):
        await routing.route(STRANGER, f"made-up-{number}")
    keeping = asyncio.create_task(routing.run())
    await until(lambda: routing.waiting_for_calls == 5)
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)


async def test_calls_that_stay_unknown_are_not_looked_for_with_every_new_decision(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the PBX's events do not come, hundreds of decisions wait: looking for all of them held up new callers."""
    routing, stored = routing_with(storage), list[list[str]]()
    remember = storage.routes.remember

    async def noted(account: AccountId, decided: Sequence[DecidedRoute]) -> list[CallId]:
        stored.append([each.call for each in decided])
        return await remember(account, decided)

    monkeypatch.setattr(storage.routes, "remember", noted)
    keeping = asyncio.create_task(routing.run())
    await routing.route(STRANGER, "made-up-1")
    await until(lambda: routing.waiting_for_calls == 1)
    await routing.route(STRANGER, "made-up-2")
    await until(lambda: routing.waiting_for_calls == 2)
    assert stored == [["office:made-up-1"], ["office:made-up-2"]]
    await begin(storage, "made-up-1")
    await until(lambda: routing.waiting_for_calls == 1)
    assert stored[-1] == ["office:made-up-1", "office:made-up-2"]
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)


async def test_an_empty_phone_book_is_told_apart_from_a_stranger(storage: Storage) -> None:
    routing = routing_with(storage)
    assert "phone_book_empty" in codes(await routing.route(STRANGER, "1.1"))
    await storage.phone_book.put_persons(ACCOUNT, [ANNA], numbering=DEFAULT_NUMBERING)
    assert "caller_unknown" in codes(await routing.route(STRANGER, "1.2"))


async def test_an_account_without_settings_takes_the_reserve(storage: Storage) -> None:
    decision = await routing_with(storage, None).route(KNOWN, "1.1")
    assert (decision.outcome, codes(decision)) == (Outcome.RESERVE, ["not_configured"])


async def test_a_storage_that_is_gone_leads_to_the_lines_reserve_number(storage: Storage) -> None:
    routing = routing_with(storage)
    await storage.close()
    decision = await routing.route(KNOWN, "1.1")
    assert (decision.outcome, codes(decision)) == (Outcome.RESERVE, ["storage_failed"])
    assert [(step.kind, step.target) for step in decision.steps] == [(StepKind.RESERVE, "600")]


class SlowBook:
    """A phone book whose storage hangs, or fails unexpectedly."""

    def __init__(self, storage: Storage, error: Exception | None) -> None:
        self._storage = storage
        self._error = error

    def __getattr__(self, name: str) -> object:
        return getattr(self._storage.phone_book, name)

    async def known(self, account: AccountId, match_key: str) -> tuple[list[Person], list[Deal]]:
        if self._error:
            raise self._error
        await asyncio.Event().wait()
        return [], []


@pytest.mark.parametrize(("error", "why"), [(None, "too_slow"), (ZeroDivisionError(), "storage_failed")])
async def test_it_always_answers(storage: Storage, error: Exception | None, why: str) -> None:
    routing = Routing(
        account=ACCOUNT,
        pbx=PbxId("office"),
        settings=lambda: SETTINGS,
        book=SlowBook(storage, error),  # type: ignore[arg-type]
        routes=storage.routes,
        clock=SystemClock(),
        deadline_seconds=0.05,
    )
    decision = await routing.route(KNOWN, "1.1")
    assert (decision.outcome, codes(decision)) == (Outcome.RESERVE, [why])


class FailingLog:
    """A route log whose storage is down until `is_up`, and which never takes the calls in `refused`."""

    def __init__(self, *refused: CallId) -> None:
        self.is_up = bool(refused)
        self.refused = set(refused)
        self.tried = 0
        self.kept: list[CallId] = []

    async def remember(self, account: AccountId, decided: Sequence[DecidedRoute]) -> list[CallId]:
        self.tried += 1
        if not self.is_up:
            raise Unavailable("The disk is full.")
        if self.refused & {each.call for each in decided}:
            raise Rejected("The database refuses these values.", code="bad_value")
        self.kept.extend(each.call for each in decided)
        return [each.call for each in decided]

    async def of(self, account: AccountId, call: CallId) -> RouteDecision | None:
        return None


def routing_that_keeps_in(routes: FailingLog, storage: Storage) -> Routing:
    return Routing(
        account=ACCOUNT,
        pbx=PbxId("office"),
        settings=lambda: SETTINGS,
        book=storage.phone_book,
        routes=routes,
        clock=SystemClock(),
    )


async def test_decisions_that_could_not_be_stored_are_stored_later(storage: Storage) -> None:
    routes = FailingLog()
    routing = routing_that_keeps_in(routes, storage)
    keeping = asyncio.create_task(routing.run())
    await routing.route(KNOWN, "1.1")
    await until(lambda: routes.tried == 1)
    routes.is_up = True
    await routing.route(KNOWN, "1.2")
    await until(lambda: len(routes.kept) == 2)
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    assert routes.kept == [CallId("office:1.1"), CallId("office:1.2")]


async def test_a_decision_that_is_refused_keeps_no_others_out(storage: Storage) -> None:
    routes = FailingLog(CallId("office:1.2"))
    routing = routing_that_keeps_in(routes, storage)
    for uniqueid in ("1.1", "1.2", "1.3"):
        await routing.route(KNOWN, uniqueid)
    keeping = asyncio.create_task(routing.run())
    await until(lambda: len(routes.kept) == 2)
    await routing.route(KNOWN, "1.4")
    await until(lambda: len(routes.kept) == 3)
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    assert routes.kept == [CallId("office:1.1"), CallId("office:1.3"), CallId("office:1.4")]


class AskedCrm(FakeCrm):
    """A CRM that has ANNA and counts its requests; `answer` replaces its answer."""

    asked = 0
    error: Exception | None = None
    hangs = False

    async def find_persons(self, number: PhoneNumber, **_: object) -> list[Person]:
        self.asked += 1
        if self.error:
            raise self.error
        if self.hangs:
            await asyncio.Event().wait()
        return [ANNA] if number.e164 == "+79161234567" else []


@pytest.mark.parametrize(
    ("settings", "question", "trouble", "rings", "said"),
    [
        (SETTINGS, KNOWN, None, None, None),  # switched off for the line: never asked
        (ASKING, KNOWN, None, "101", "crm_asked"),
        (ASKING, STRANGER, None, None, "crm_does_not_know"),
        (ASKING, KNOWN, Unavailable("502"), None, "crm_failed"),
        (ASKING, KNOWN, "hangs", None, "crm_too_slow"),
        (replace(ASKING, enabled=False), KNOWN, None, None, None),
        (ASKING, replace(KNOWN, caller="anonymous"), None, None, None),
    ],
)
async def test_a_stranger_is_asked_for_in_the_crm_where_the_line_says_so(
    storage: Storage,
    settings: AccountSettings,
    question: RouteQuestion,
    trouble: Exception | str | None,
    rings: str | None,
    said: str | None,
) -> None:
    crm = AskedCrm()
    crm.error, crm.hangs = (trouble, False) if isinstance(trouble, Exception) else (None, trouble == "hangs")
    decision = await routing_with(storage, settings, crm).route(question, "1.1")
    targets: Sequence[str | None] = [step.target for step in decision.steps if step.kind is StepKind.RING]
    assert targets == ([rings] if rings else [])
    assert [code for code in codes(decision) if code.startswith("crm_")] == ([said] if said else [])
    assert crm.asked == bool(said)
