"""No store shows or changes another account's data: every public method is tested, future ones too."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import pytest_asyncio
from sqlalchemy import text

from integration.domain.crm.entities import Deal, EntityKind, EntityRef, Person
from integration.domain.ids import AccountId, CallId, Timestamp
from integration.domain.numbers.numbering import DEFAULT_NUMBERING, Numbering
from integration.domain.routing.route import Outcome, RouteDecision
from integration.domain.settings import AccountSettings
from integration.domain.settings_changes import Author, AuthorKind
from integration.domain.setup import Step
from integration.errors import AuthFailed, DozvonError, Unavailable
from integration.ports.offices import OfficeUndoRefused, StoredOffice
from integration.ports.records import Watch
from integration.ports.settings import UndoRefused
from integration.ports.setups import SetupState
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


async def _same(tokens: Tokens) -> Tokens:
    return tokens


def _own_settings(stored: AccountSettings | None) -> AccountSettings:
    assert stored is None
    return AccountSettings(account=OTHER)


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
    "leftovers.delete_deliveries": ((), {}),
    "outbox.claim": ((), {"now": NOW, "lease_seconds": 1.0, "limit": 10}),
    "callback_tasks.begin": ((TASK,), {}),
    "callback_tasks.of_client": ((), {"target": REF, "match_key": "9161234567"}),
    "callback_tasks.put": ((TASK,), {}),
    "callback_tasks.remove": ((REF,), {}),
    "callback_tasks.take_over": ((REF,), {"of": CALL.id, "call": CallId("pbx:9")}),
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
    "setups.change": ((), {"name": "Other"}),
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
    "administrators.set_password": "as above",
    "administrators.set_profile": "as above",
    "administrators.set_role": "as above",
    "invitations.accept": "as above",
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
NOTHING_WAITS = {OutboxState.WAITING: 0, OutboxState.DEAD: 0}
ANSWERS_ITS_OWN = {
    "recordings.put",
    "recordings.reserve",
    "strangers.enter",
    "callback_tasks.begin",
    "settings.change",
    "offices.change",
    "setups.begin",
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
    await storage.offices.change(OFFICE, {"pbx/p": {"id": "p"}}, {"pbx/p secret": "s"}, who=SOMEBODY, expected=0)
    await storage.setups.begin(OFFICE, SetupState(office=OFFICE, name="Office"))
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
    except (AuthFailed, UndoRefused, OfficeUndoRefused):  # no tokens to refresh, no change to take back
        answer = None
    if method not in ANSWERS_ITS_OWN:
        assert answer in (None, False, 0, [], {}, ([], []), NOTHING_WAITS, NO_OFFICE)
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
