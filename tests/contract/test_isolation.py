"""No store shows or changes another account's data: every public method is tested, future ones too."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import pytest_asyncio
from sqlalchemy import text

from integration.domain.administrators import AdministratorId, CrmUser
from integration.domain.call_lists.cells import CellProblem, Problem
from integration.domain.call_lists.columns import Mapping
from integration.domain.calls.intents import Intent
from integration.domain.calls.notes import CallNote
from integration.domain.campaigns.callbacks import CallbackKind, campaign_of
from integration.domain.campaigns.expected_end import Pace
from integration.domain.campaigns.holds import Hold, held
from integration.domain.campaigns.model import Attempt, CampaignState, Entry, EntryNumber, EntryState, Mode
from integration.domain.campaigns.model import Outcome as CallOutcome
from integration.domain.campaigns.own_list import OwnList, with_script
from integration.domain.campaigns.plan import CampaignPlan
from integration.domain.crm.entities import Deal, EntityKind, EntityRef, Person
from integration.domain.ids import AccountId, AttemptId, CallId, CampaignId, EntryId, ManagerId, Timestamp
from integration.domain.numbers.numbering import DEFAULT_NUMBERING, Numbering
from integration.domain.reasons import Reason
from integration.domain.routing.route import Outcome, RouteDecision
from integration.domain.settings import AccountSettings
from integration.domain.settings_changes import Author, AuthorKind
from integration.domain.setup import Step
from integration.errors import AuthFailed, DozvonError, NotFound, Unavailable
from integration.ports.administrators import CrmTie
from integration.ports.callbacks import NewCallback
from integration.ports.campaign_erasure import Deletion
from integration.ports.campaign_sounds import RecordedSound
from integration.ports.campaigns import EntryQuery, JournalRefusal, NewEntry, lease_name
from integration.ports.coordination import Lease
from integration.ports.dialling import DiallingNow
from integration.ports.list_files import FileForm, ReadingChoice
from integration.ports.list_imports import ImportRow, ImportState, ListImport
from integration.ports.offices import OfficeUndoRefused, StoredOffice
from integration.ports.records import Watch
from integration.ports.settings import UndoRefused
from integration.ports.setups import SetupState
from integration.ports.sightings import Sighting
from integration.ports.stores import CallbackTask, DecidedRoute, MirrorProgress, OutboxState, SavedStep, Tokens
from integration.storage import Storage
from integration.storage.sql.database import Across
from integration.storage.sql.schema import metadata
from tests.contract.calls import OFFICE, OTHER, PBX, a_call, an_intent

NOW = Timestamp(2e9)
CALL = a_call(1, caller="+79161234567")
DECISION = RouteDecision(outcome=Outcome.ROUTE, steps=(), reasons=())
TOKENS = Tokens(access="a1", refresh="r1", expires_at=NOW, base_url="https://x.example", crm_account_id="77")
REF, DEAL_REF = EntityRef(EntityKind.CONTACT, "5"), EntityRef(EntityKind.DEAL, "9")
PERSON = Person(ref=REF, name="Ж", responsible=None, phones=("+79161234567",), updated_at=1)
DEAL = Deal(ref=DEAL_REF, name="Ж", responsible=None, persons=(REF,), updated_at=1)
WATCH = Watch(watched_until=NOW)
ENTRY = EntityRef(EntityKind.LEAD, "uid")
TASK = CallbackTask(
    target=REF, match_key="9161234567", made_by=CALL.id, task="7", text="Ж", missed_at=NOW, written_at=NOW
)
SOMEBODY = Author(kind=AuthorKind.ADMINISTRATOR, session="3fa2c1", address="10.0.0.5")
PROGRESS = MirrorProgress(polled_at=NOW, next_comparison=NOW, unseen_since=None)

WANTED = NewCallback(
    call=CALL.id,
    kind=CallbackKind.MISSED,
    campaign=campaign_of(None),
    campaign_name="Ж",
    number="+79160000009",
    zones=(),
    asked_at=NOW,
    due_at=NOW,
)
SPRING, PLAN = CampaignId("spring"), CampaignPlan(name="Ж")
NEW = NewEntry(numbers=(EntryNumber(e164="+79161234567"),), name="Ж")
SECOND = NewEntry(numbers=(EntryNumber(e164="+79160000001"),))
LISTED = Entry(id=EntryId(1), campaign=SPRING, numbers=NEW.numbers)
ATTEMPT = Attempt(
    id=AttemptId("attempt-1"),
    campaign=SPRING,
    entry=EntryId(1),
    number="+79161234567",
    line="p/1",
    fence=1,
    mode=Mode.PREVIEW,
    employee="101",
    written_at=NOW,
    outcome=CallOutcome.BUSY,
)
SOUND = RecordedSound(id="a" * 24, name="Ж", seconds=1.0, added_at=NOW, added_by="Ж")
DIALLING = DiallingNow(at=NOW, hold=held(Hold.NO_ENTRIES))
DIALS = Lease(lease_name(OFFICE, SPRING), 1)
IMPORTED = ImportRow(line=1, cells=("Ж",), new=None, problems=(CellProblem(problem=Problem.NO_NUMBER),))
IMPORT = ListImport(
    id="import-1",
    account=OFFICE,
    office=OFFICE,
    campaign=SPRING,
    state=ImportState.RUNNING,
    file_name="Ж.csv",
    size=1,
    digest="Ж",
    form=FileForm(),
    choice=ReadingChoice(),
    mapping=Mapping((), 0),
    rows=1,
    made_at=NOW,
    made_by="Ж",
)


async def _same(tokens: Tokens) -> Tokens:
    return tokens


def _own_settings(stored: AccountSettings | None) -> AccountSettings:
    assert stored is None
    return AccountSettings(account=OTHER)


def _typed(note: CallNote) -> CallNote:
    return replace(note, revision=note.revision + 1, text=f"{note.text}Ж")


def _scripted(own: OwnList) -> OwnList:
    return with_script(own, f"{own.script}Ж")


def _nothing(note: CallNote) -> tuple[Intent, ...]:
    return ()


def _switched_off(stored: AccountSettings | None) -> AccountSettings:
    assert stored is not None
    return replace(stored, enabled=False)


# The arguments of each method, as the other account. The answer must be that of an empty account.
ASKED: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "calls.ended_since": ((Timestamp(0.0),), {}),
    "calls.get": ((CALL.id,), {}),
    "calls.live": ((PBX,), {}),
    "calls.recent": ((), {}),
    "calls.timeline": ((CALL.id,), {}),
    "attempts.end": ((ATTEMPT, LISTED), {}),
    "attempts.get": ((ATTEMPT.id,), {}),
    "attempts.log": ((SPRING,), {}),
    "attempts.of_call": ((CALL.id,), {}),
    "attempts.pace": ((SPRING,), {"since": Timestamp(0.0)}),
    "attempts.sent": ((ATTEMPT.id,), {"at": NOW, "lease": DIALS}),
    "attempts.tries": ((), {"numbers": ["+79161234567"], "entries": [EntryId(1)], "since": Timestamp(0.0)}),
    "attempts.under_way": ((SPRING,), {}),
    "attempts.write": ((ATTEMPT,), {"office": OTHER, "lease": DIALS}),
    "callbacks.ask": ((WANTED,), {"office": OTHER}),
    "callbacks.asked_at": (([EntryId(3)],), {}),
    "callbacks.cancel": ((EntryId(3),), {"by": "Ж"}),
    "callbacks.get": ((EntryId(3),), {}),
    "callbacks.somebody_waits": ((), {}),
    "callbacks.of_call": ((CALL.id,), {}),
    "callbacks.over": ((), {}),
    "callbacks.put_off": (({EntryId(3): Reason(code="named_away", detail={})},), {}),
    "callbacks.reached": ((["+79160000009"],), {"at": Timestamp(1e12)}),
    "callbacks.restore": ((EntryId(3),), {}),
    "callbacks.waiting": ((), {}),
    "campaigns.all": ((), {}),
    "campaigns.change": ((SPRING, PLAN), {"seen": 1, "by": "Ж"}),
    "campaigns.counts": ((), {}),
    "campaigns.get": ((SPRING,), {}),
    "campaigns.history": ((SPRING,), {}),
    "campaigns.make": ((SPRING, PLAN), {"by": "Ж"}),
    "campaigns.set_state": ((SPRING, CampaignState.PAUSED), {"by": "Ж", "only_from": list(CampaignState)}),
    "campaigns.undo": ((SPRING, 1), {"by": "Ж"}),
    "dialling.days": ((SPRING,), {"since": date(2000, 1, 1)}),
    "dialling.learned": ((SPRING,), {}),
    "dialling.ledgers": ((), {}),
    "dialling.now": ((), {}),
    "dialling.put": ((SPRING, DIALLING), {"learned": {"version": 1}, "lease": DIALS}),
    "do_not_call.add": ((["+79161234567"],), {"lists_of": [OTHER], "by": "Ж", "why": "Ж"}),
    "do_not_call.among": ((["+79160000000"],), {}),
    "do_not_call.count": ((), {}),
    "do_not_call.listing": ((), {}),
    "do_not_call.remove": (("+79160000000",), {"by": "Ж", "why": "Ж"}),
    "entries.add": ((SPRING, [NEW]), {"office": OTHER}),
    "entries.close": ((SPRING, [EntryId(1)], EntryState.NOT_REACHED), {}),
    "entries.defer": ((SPRING, [EntryId(1)]), {"until": NOW}),
    "entries.follow_card": ((SPRING, EntryId(1), None), {"office": OTHER, "lease": DIALS}),
    "entries.get": ((SPRING, EntryId(1)), {}),
    "entries.head": ((SPRING,), {"now": NOW, "limit": 10}),
    "entries.listing": ((SPRING, EntryQuery()), {}),
    "entries.next_due": ((SPRING,), {"now": Timestamp(-1.0)}),
    "entries.put_back": ((SPRING, EntryId(1)), {}),
    "entries.remove": ((SPRING, EntryId(1)), {}),
    "entries.several": ((SPRING, [EntryId(1)]), {}),
    "list_imports.change": (("import-1", lambda one: replace(one, rows=9)), {}),
    "list_imports.content": (("import-1",), {}),
    "list_imports.get": (("import-1",), {}),
    "list_imports.of_campaign": ((SPRING,), {}),
    "list_imports.problems": (("import-1",), {}),
    "campaign_erasure.delete": ((SPRING,), {"by": "Ольга"}),
    "campaign_sounds.all": ((SPRING,), {}),
    "campaign_sounds.copy": ((SPRING, CampaignId("autumn")), {}),
    "campaign_sounds.put": ((SPRING, replace(SOUND, id="b" * 24), b"Z"), {}),
    "campaign_sounds.remove": ((SPRING, SOUND.id), {}),
    "campaign_sounds.wav": ((SPRING, SOUND.id), {}),
    "own_lists.at_work": ((), {}),
    "own_lists.change": ((ManagerId("610077"), _scripted), {"office": OTHER}),
    "own_lists.get": ((ManagerId("610077"),), {}),
    "list_imports.step": (("import-1", [IMPORTED]), {"lease": DIALS}),
    "leftovers.delete_deliveries": ((), {}),
    "outbox.claim": ((), {"now": NOW, "lease_seconds": 1.0, "limit": 10}),
    "callback_tasks.begin": ((TASK,), {}),
    "callback_tasks.of_client": ((), {"target": REF, "match_key": "9161234567"}),
    "callback_tasks.put": ((TASK,), {}),
    "callback_tasks.remove": ((REF,), {}),
    "callback_tasks.take_over": ((REF,), {"of": CALL.id, "call": CallId("pbx:9")}),
    "notes.change": ((CALL.id, ManagerId("610077"), _typed, _nothing), {}),
    "notes.get": ((CALL.id, ManagerId("610077")), {}),
    "notes.of_call": ((CALL.id,), {}),
    "notes.queue_for": ((CALL.id, _nothing), {}),
    "sightings.of": ((), {}),
    "sightings.report": ((Sighting.OTHER_TELEPHONY, ["Other"]), {"manager": ManagerId("7"), "replaces": True}),
    "outbox.depth_of": ((), {}),
    "outbox.discard": ((1,), {}),
    "outbox.hasten_calls": (([CALL.id],), {"now": NOW}),
    "outbox.listing": ((list(OutboxState),), {}),
    "outbox.of_call": ((CALL.id,), {}),
    "outbox.results": ((CALL.id,), {}),
    "outbox.retry_now": ((), {"now": NOW}),
    "outbox.revive": ((1,), {"now": NOW}),
    "offices.change": (({"pbx/branch": {"id": "branch"}}, {}), {"who": SOMEBODY, "expected": 0}),
    "offices.changes": ((), {}),
    "offices.get": ((), {}),
    "offices.undo": ((1,), {"who": SOMEBODY}),
    "phone_book.get": ((REF,), {}),
    "phone_book.known": (("79161234567",), {}),
    "phone_book.lookup": (("79161234567",), {}),
    "phone_book.of_refs": (([REF, DEAL_REF],), {}),
    "phone_book.open_deals": (([REF],), {}),
    "phone_book.put_deals": (([DEAL],), {}),
    "phone_book.key_again": ((), {"numbering": Numbering("UA")}),
    "phone_book.put_persons": (([PERSON],), {"numbering": DEFAULT_NUMBERING}),
    "phone_book.remove": (([REF, DEAL_REF],), {}),
    "phone_book.has_persons": ((), {}),
    "phone_book.progress": ((), {}),
    "phone_book.save_progress": ((PROGRESS,), {}),
    "phone_book.size": ((), {}),
    "phone_book.unseen": ((), {"seen_since": Timestamp(3e9), "at_most": 10}),
    "settings.change": ((_own_settings,), {}),
    "settings.changes": ((), {}),
    "settings.current": ((), {}),
    "settings.load": ((), {}),
    "settings.undo": ((1,), {"who": SOMEBODY}),
    "setups.begin": ((SetupState(office=OTHER, name="Other"),), {}),
    "setups.change": ((lambda state: replace(state, name="Other"),), {}),
    "setups.finish": ((Step.PBX,), {}),
    "setups.get": ((), {}),
    "setups.keep": ((Step.PBX, {"host": "pbx"}), {}),
    "setups.remove": ((), {}),
    "strangers.closed": ((ENTRY,), {}),
    "strangers.enter": (("9161234567", CALL.id), {}),
    "strangers.entered": (("9161234567", CALL.id), {"entry": ENTRY, "deal": None}),
    "strangers.forget": (("9161234567",), {}),
    "strangers.get": (("9161234567",), {}),
    "strangers.take_over": (("9161234567",), {"of": CALL.id, "call": CallId("pbx:9")}),
    "strangers.waits_still": (("9161234567", ENTRY), {}),
    "tokens.delete": ((), {}),
    "tokens.load": ((), {}),
    "tokens.refresh": ((_same,), {"if_access": "a1"}),
    "tokens.save": ((TOKENS,), {}),
    "recordings.put": ((CALL.id, b"other"), {}),
    "recordings.reserve": ((CALL.id,), {}),
    "routes.of": ((CALL.id,), {}),
    "routes.remember": (([DecidedRoute(CALL.id, DECISION, NOW)],), {}),
    "watches.load": ((PBX,), {}),
    "watches.save": ((PBX, WATCH), {}),
}
# Their arguments contain the account; the tests below call them.
CARRIED = {"calls.save", "outbox.amend", "outbox.dead", "outbox.done", "outbox.expire", "outbox.extend",
           "outbox.retry", "settings.save"}  # fmt: skip
OF_NO_ACCOUNT = {
    "admin_sessions.begin": "who is signed in, to the pages of all accounts",
    "admin_sessions.end": "as above",
    "admin_sessions.end_all": "as above",
    "admin_sessions.end_of": "as above",
    "admin_sessions.find": "as above",
    "admin_sessions.live": "as above",
    "admin_sessions.touch": "as above",
    "administrators.all": "who may sign in: people of the installation",
    "administrators.credentials": "as above",
    "administrators.credentials_of": "as above",
    "administrators.get": "as above",
    "administrators.have_any": "as above",
    "administrators.rehash": "as above",
    "administrators.set_active": "as above",
    "administrators.set_offices": "as above",
    "administrators.set_password": "as above",
    "administrators.set_profile": "as above",
    "administrators.set_role": "as above",
    "api_keys.add": "programs of the installation, as administrators",
    "api_keys.find": "the unguessable key is the permission",
    "api_keys.of": "its offices are named; services/api_keys.py names those that the reader may manage",
    "api_keys.revoke": "as above",
    "api_keys.touch": "as api_keys.find",
    "crm_ties.add": "the user names the account",
    "crm_ties.find": "as above",
    "crm_ties.of": "one administrator's, in all accounts",
    "crm_ties.tie": "the user names the account",
    "crm_ties.untie": "as above",
    "invitations.accept": "as administrators",
    "invitations.add": "as above",
    "invitations.find": "as above",
    "invitations.renew": "as above",
    "invitations.revoke": "as above",
    "invitations.waiting": "as above",
    "setup_codes.is_valid": "as above",
    "setup_codes.make_owner": "as above",
    "setup_codes.put": "as above",
    "setup_codes.reset_password": "as above",
    "installation.public_url": "the address of the whole installation",
    "installation.set_public_url": "as above",
    "installation.tried_name": "as above",
    "installation.try_name": "as above",
    "installation.issue_ticket": "as above",
    "installation.take_ticket": "as above",
    "list_imports.begin": "the import names the account",
    "list_imports.forget": "files that nobody went on with, of all accounts: it learns how many",
    "campaign_erasure.forget": "names the accounts of an office",
    "own_lists.due": "whose timer has run out, for the process: ids and moments only",
    "list_imports.running": "which files are on their way, for the process: ids only",
    "dialling.at_work": "which campaigns are dialled, for the process: ids only",
    "leases.acquire": "names of work, not data",
    "leases.release": "as above",
    "leases.renew": "as above",
    "offices.all": "what must run in a process",
    "leftovers.found": "which accounts were removed, for who runs the installation: figures only",
    "offices.version": "whether anything was changed: figures only",
    "outbox.accounts_due": "delivery asks whose outbox is due; it learns ids only",
    "outbox.depth": "figures over all for the operator",
    "outbox.depth_by_account": "as above",
    "outbox.next_due": "when anybody's next item is due: a moment only",
    "outbox.release": "the only process forgets the leases of a killed one",
    "recordings.account_of": "as open: it says whose the recording with this name is",
    "recordings.open": "the unguessable name is the permission, as the address in the CRM needs",
    "register.enter": "which processes run, no data",
    "register.leave": "as above",
    "settings.accounts": "the process asks which accounts there are",
    "setups.all": "the list of offices; the page shows each administrator their own",
    "tokens.close": "waits for refreshes",
}
NO_OFFICE = StoredOffice(office=OTHER, parts={}, secrets={})
NO_PACE = Pace(dialled=0, since=Timestamp(0.0))
NOTHING_WAITS = {OutboxState.WAITING: 0, OutboxState.DEAD: 0}
ANSWERS_ITS_OWN = {
    "recordings.put",
    "recordings.reserve",
    "strangers.enter",
    "callback_tasks.begin",
    "settings.change",
    "offices.change",
    "setups.begin",
    "notes.change",
    "campaigns.make",
    "do_not_call.add",
    "own_lists.change",
    "own_lists.get",
    "callbacks.ask",
}  # rows of the asking account
STORES = {name: kind for name, kind in get_type_hints(Storage).items() if name != "database"}
Snapshot = dict[str, list[tuple[Any, ...]]]


@pytest_asyncio.fixture
async def filled(storage: Storage) -> AsyncIterator[Storage]:
    """OFFICE has data of every kind, OTHER exists and has none."""
    await storage.settings.save(AccountSettings(account=OFFICE, country="UA"))
    await storage.settings.change(OFFICE, _switched_off, who=SOMEBODY)
    await storage.calls.save([SavedStep(call=CALL, intents=[an_intent(CALL), an_intent(CALL, "b")], event={"a": 1})])
    await storage.phone_book.put_persons(OFFICE, [PERSON], numbering=DEFAULT_NUMBERING)
    await storage.phone_book.put_deals(OFFICE, [DEAL])
    await storage.tokens.save(OFFICE, TOKENS)
    await storage.recordings.put(OFFICE, CALL.id, b"mp3")
    await storage.routes.remember(OFFICE, [DecidedRoute(CALL.id, DECISION, NOW)])
    await storage.watches.save(OFFICE, PBX, WATCH)
    await storage.phone_book.save_progress(OFFICE, PROGRESS)
    await storage.strangers.enter(OFFICE, "9161234567", CALL.id)
    await storage.strangers.entered(OFFICE, "9161234567", CALL.id, entry=ENTRY, deal=None)
    await storage.callback_tasks.begin(OFFICE, TASK)
    await storage.notes.change(OFFICE, CALL.id, ManagerId("610077"), _typed, _nothing)
    await storage.sightings.report(OFFICE, Sighting.OTHER_TELEPHONY, ["Mango"], manager=ManagerId("610077"))
    await storage.offices.change(OFFICE, {"pbx/p": {"id": "p"}}, {"pbx/p secret": "s"}, who=SOMEBODY, expected=0)
    await storage.setups.begin(OFFICE, SetupState(office=OFFICE, name="Office"))
    user, anna = CrmUser(OFFICE, ManagerId("610077")), AdministratorId("a" * 32)
    assert await storage.leases.acquire([DIALS.name], holder="a", ttl_seconds=600) == [DIALS]
    await storage.campaigns.make(OFFICE, SPRING, PLAN, by="Ж")
    await storage.campaigns.set_state(OFFICE, SPRING, CampaignState.RUNNING, by="Ж", only_from=[CampaignState.DRAFT])
    await storage.entries.add(OFFICE, SPRING, [NEW, SECOND], office=OFFICE)
    await storage.attempts.write(OFFICE, ATTEMPT, office=OFFICE, lease=DIALS)
    ended = replace(ATTEMPT, id=AttemptId("attempt-2"), employee=None, entry=EntryId(2), number="+79160000001")
    await storage.attempts.write(OFFICE, ended, office=OFFICE, lease=DIALS)
    await storage.attempts.end(
        OFFICE, ended, replace(LISTED, id=EntryId(2), numbers=SECOND.numbers), day=date(2026, 11, 30)
    )
    await storage.dialling.put(OFFICE, SPRING, DIALLING, learned={"version": 1}, lease=DIALS)
    await storage.do_not_call.add(OFFICE, ["+79160000000"], lists_of=[OFFICE], by="Ж", why="Ж")
    await storage.own_lists.change(OFFICE, ManagerId("610077"), _scripted, office=OFFICE)
    await storage.campaign_sounds.put(OFFICE, SPRING, SOUND, b"Z")
    await storage.callbacks.ask(OFFICE, WANTED, office=OFFICE)
    await storage.list_imports.begin(IMPORT, b"file")
    await storage.list_imports.step(OFFICE, IMPORT.id, [IMPORTED], lease=DIALS)
    await storage.crm_ties.tie(CrmTie(user=user, administrator=anna, tied_at=NOW))
    yield storage


def _methods() -> list[str]:
    return [
        f"{name}.{method}"
        for name, kind in STORES.items()
        for method, _ in inspect.getmembers(kind, inspect.isfunction)
        if not method.startswith("_")
    ]


def _takes_an_account(method: str) -> bool:
    store, _, name = method.partition(".")
    parameters = list(inspect.signature(getattr(STORES[store], name)).parameters)
    return len(parameters) > 1 and parameters[1] == "account"


def test_every_method_names_an_account_or_has_a_reason() -> None:
    """A new method without an account fails here; one with an account must be added to the tested ones."""
    methods = set(_methods())
    named = {method for method in methods if _takes_an_account(method)}
    assert named == set(ASKED)
    assert methods - named == CARRIED | set(OF_NO_ACCOUNT)


async def _snapshot(storage: Storage, account: AccountId) -> Snapshot:
    def work(connection: Any) -> Snapshot:
        return {
            table.name: sorted(
                map(tuple, connection.execute(table.select().where(table.c.account == account))), key=repr
            )
            for table in metadata.sorted_tables
            if "account" in table.c
        }

    return await storage.database.read(work, Across.BACKUP)


@pytest.mark.parametrize("method", sorted(ASKED))
async def test_another_account_sees_nothing_and_changes_nothing(filled: Storage, method: str, tmp_path: Path) -> None:
    before = await _snapshot(filled, OFFICE)
    assert all(before.values())  # data of every kind, or the test would prove nothing
    store, _, name = method.partition(".")
    ask: Callable[..., Awaitable[Any]] = getattr(getattr(filled, store), name)
    positional, named = ASKED[method]
    try:
        answer = await ask(OTHER, *positional, **named)
    except (AuthFailed, UndoRefused, OfficeUndoRefused, NotFound):  # no tokens, no change to take back, no campaign
        answer = None
    if method not in ANSWERS_ITS_OWN:
        assert answer in (
            None,
            False,
            0,
            [],
            {},
            set(),
            b"",
            ([], []),
            NOTHING_WAITS,
            NO_OFFICE,
            NO_PACE,
            JournalRefusal.NOT_RUNNING,
            Deletion.GONE,
        )
    assert await _snapshot(filled, OFFICE) == before
    opaque_id = await filled.recordings.reserve(OFFICE, CALL.id)
    opened = await filled.recordings.open(opaque_id)
    assert opened is not None
    assert Path(opened[0]).read_bytes() == b"mp3"  # noqa: ASYNC240


async def test_what_carries_a_wrong_account_changes_nothing(filled: Storage) -> None:
    """An item or a call of the other account with this one's ids."""
    items = await filled.outbox.claim(OFFICE, now=NOW, lease_seconds=60, limit=1)
    before = await _snapshot(filled, OFFICE)
    stranger = replace(items[0], account=OTHER)
    attempts: list[Callable[[], Awaitable[Any]]] = [
        lambda: filled.outbox.amend(stranger, {"x": 1}),
        lambda: filled.outbox.done(stranger, {"x": 1}),
        lambda: filled.outbox.retry(stranger, at=NOW, error="x", is_uncertain=False),
        lambda: filled.outbox.dead(stranger, error="x"),
        lambda: filled.outbox.expire(stranger),
        lambda: filled.outbox.extend([stranger], until=NOW),
        lambda: filled.settings.save(AccountSettings(account=OTHER, country="KZ")),
        lambda: filled.calls.save([SavedStep(call=replace(CALL, account=OTHER, caller="1"), event={"b": 2})]),
    ]
    for attempt in attempts:
        try:
            await attempt()
        except Unavailable:
            continue
    assert await _snapshot(filled, OFFICE) == before
    assert await filled.calls.get(OTHER, CallId("pbx:1")) is not None


# ---- PostgreSQL itself ---------------------------------------------------------------------------------------------


@pytest.mark.servers
async def test_every_table_with_an_account_is_under_row_level_security(postgres_url: str, tmp_path: Path) -> None:
    from integration.storage import open_storage

    storage = await open_storage(postgres_url, tmp_path)
    query = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relrowsecurity AND relforcerowsecurity"
    protected = await storage.database.read(lambda c: set(c.execute(text(query)).scalars()))
    is_superuser = await storage.database.read(
        lambda c: c.execute(text("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")).scalar()
    )
    await storage.close()
    assert protected == {table.name for table in metadata.sorted_tables if "account" in table.c}
    assert not is_superuser  # otherwise these tests would prove nothing


@pytest.mark.parametrize("database_url", [pytest.param("postgresql", marks=pytest.mark.servers)], indirect=True)
async def test_a_query_without_a_condition_sees_the_account_it_named_and_no_other(filled: Storage) -> None:
    """The effect of a forgotten WHERE. Reads and writes alternate on the same connections."""
    await filled.settings.save(AccountSettings(account=OTHER))
    database = filled.database

    def accounts(connection: Any) -> list[str]:
        return sorted(connection.execute(text("SELECT account FROM accounts")).scalars())

    for _ in range(3):
        assert await database.read(accounts) == []
        assert await database.read(accounts, OFFICE) == [OFFICE]
        assert await database.write(accounts) == []
        assert await database.read(accounts, OTHER) == [OTHER]
        assert await database.write(accounts, OFFICE) == [OFFICE]
        assert await database.read(accounts, Across.ACCOUNTS) == [OFFICE, OTHER]
        assert await database.write(accounts, OTHER) == [OTHER]

    forgotten = text("UPDATE accounts SET country = 'KZ'")
    assert await database.write(lambda c: c.execute(forgotten).rowcount) == 0
    assert await database.write(lambda c: c.execute(forgotten).rowcount, OTHER) == 1
    kept = await filled.settings.load(OFFICE)
    assert kept is not None
    assert kept.country == "UA"
    stolen = text("INSERT INTO tokens (account, expires_at, saved_at, state) VALUES ('office', 0, 0, 'x')")
    with pytest.raises(DozvonError):
        await database.write(lambda c: c.execute(stolen), OTHER)
    moved = text("UPDATE accounts SET account = 'office2'")
    with pytest.raises(DozvonError):
        await database.write(lambda c: c.execute(moved), OTHER)
