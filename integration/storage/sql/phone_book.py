"""The mirror of the CRM's persons and deals, searched by number. Services fill it and ask the CRM."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache, partial
from typing import Any, TypeVar

from sqlalchemy import (
    ARRAY,
    BindParameter,
    Connection,
    Delete,
    Select,
    Table,
    Text,
    Update,
    and_,
    bindparam,
    delete,
    func,
    or_,
    select,
    text,
    true,
    update,
)
from sqlalchemy.sql.elements import ColumnElement

from integration.domain.crm.entities import Deal, EntityKind, EntityRef, Person
from integration.domain.ids import AccountId, Timestamp
from integration.domain.numbers.numbering import Numbering
from integration.domain.numbers.phone_text import match_keys
from integration.ports.clock import Clock
from integration.ports.stores import MirrorProgress
from integration.storage.sql.codec import decode, encode
from integration.storage.sql.database import Database, Dialect, insert
from integration.storage.sql.many_rows import ManyRows
from integration.storage.sql.schema.crm import deal_persons, deals, mirrors, person_phones, persons
from integration.storage.sql.short_query import ShortQuery

_MOST_IN_ONE_WRITE = 500  # rows; between two writes a ringing call gets its turn

_LOOKUP = ShortQuery(
    "SELECT p.state FROM person_phones n JOIN persons p ON p.account = n.account AND p.kind = n.kind"
    " AND p.id = n.person WHERE n.account = :account AND n.match_key = :match_key ORDER BY p.created_at, p.id"
)
_PERSON = ShortQuery("SELECT state FROM persons WHERE account = :account AND kind = :kind AND id = :id")
_OPEN_DEALS = ShortQuery(
    "SELECT d.state FROM deal_persons l JOIN deals d ON d.account = l.account AND d.kind = l.deal_kind"
    " AND d.id = l.deal WHERE l.account = :account AND l.person_kind = :kind AND l.person = :id AND d.is_open"
)
# Both in one round trip. CROSS JOIN makes SQLite keep this order; otherwise it reads all deals of the account first.
_KNOWN = ShortQuery(
    "SELECT 1 AS is_person, p.state, p.created_at AS moment, p.id FROM person_phones n CROSS JOIN persons p"
    " WHERE n.account = :account AND n.match_key = :match_key"
    " AND p.account = n.account AND p.kind = n.kind AND p.id = n.person"
    " UNION ALL"
    " SELECT 0, d.state, 0, d.id FROM person_phones n CROSS JOIN deal_persons l CROSS JOIN deals d"
    " WHERE n.account = :account AND n.match_key = :match_key"
    " AND l.account = n.account AND l.person_kind = n.kind AND l.person = n.person"
    " AND d.account = l.account AND d.kind = l.deal_kind AND d.id = l.deal AND d.is_open"
    " ORDER BY 3, 4"
)
_ANY = ShortQuery("SELECT 1 FROM persons WHERE account = :account LIMIT 1")
_ONE_WRITER = text("SELECT pg_advisory_xact_lock(hashtext(:name))")


X = TypeVar("X")


@dataclass(frozen=True, slots=True)
class _Entry:
    """A person or deal to be stored: its row and the rows of its links."""

    ref: EntityRef
    row: dict[str, Any]
    links: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class _Kind:
    """How persons or deals are stored: their table, the table of their links, and its columns that name the owner."""

    table: Table
    links: Table
    owner: tuple[str, str]


_persons = _Kind(persons, person_phones, ("kind", "person"))
_deals = _Kind(deals, deal_persons, ("deal_kind", "deal"))


class SqlPhoneBook:
    """Implements `ports.PhoneBook`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def lookup(self, account: AccountId, match_key: str) -> list[Person]:
        rows = await self._database.rows(_LOOKUP, {"account": account, "match_key": match_key}, account)
        return [decode(Person, state) for (state,) in rows]

    async def known(self, account: AccountId, match_key: str) -> tuple[list[Person], list[Deal]]:
        rows = await self._database.rows(_KNOWN, {"account": account, "match_key": match_key}, account)
        found = [decode(Person, state) for is_person, state, *_ in rows if is_person]
        return found, _latest_first(state for is_person, state, *_ in rows if not is_person)

    async def open_deals(self, account: AccountId, persons: Sequence[EntityRef]) -> list[Deal]:
        """The open deals linked to any of these persons, each once, the last changed first."""
        # One query for each person: in a join with the numbers SQLite would read all deals first.
        states: list[str] = []
        for ref in dict.fromkeys(persons):
            key = {"account": account, "kind": ref.kind.value, "id": ref.id}
            states.extend(state for (state,) in await self._database.rows(_OPEN_DEALS, key, account))
        return _latest_first(states)

    async def get(self, account: AccountId, ref: EntityRef) -> Person | None:
        key = {"account": account, "kind": ref.kind.value, "id": ref.id}
        rows = await self._database.rows(_PERSON, key, account)
        return decode(Person, rows[0][0]) if rows else None

    async def of_refs(self, account: AccountId, refs: Sequence[EntityRef]) -> dict[EntityRef, Person | Deal]:
        def work(connection: Connection) -> dict[EntityRef, Person | Deal]:
            found: dict[EntityRef, Person | Deal] = {}
            stored: tuple[tuple[Table, type[Person] | type[Deal]], ...] = ((persons, Person), (deals, Deal))
            for table, entity in stored:
                for name in sorted({ref.kind.value for ref in refs}):
                    ids = sorted({ref.id for ref in refs if ref.kind.value == name})
                    query = select(table.c.state).where(
                        table.c.account == account, table.c.kind == name, table.c.id.in_(ids)
                    )
                    for state in connection.execute(query).scalars():
                        each: Person | Deal = decode(entity, state)
                        found[each.ref] = each
            return found

        return await self._database.read(work, account) if refs else {}

    async def put_persons(self, account: AccountId, persons: Sequence[Person], *, numbering: Numbering) -> None:
        """Store persons that are newer than ours; the others only count as seen (`unseen`).

        A deleted person is removed whatever its `updated_at`: webhooks of deletions carry none.
        """
        seen_at = self._clock.now()
        await self._remove(_persons, account, [person.ref for person in persons if person.is_deleted])
        for part in _parts([person for person in persons if not person.is_deleted]):
            entries = await asyncio.to_thread(_person_entries, account, part, numbering, seen_at)
            await self._database.write(_putting(self._database, _persons, account, entries), account)

    async def key_again(self, account: AccountId, *, numbering: Numbering) -> int:
        """Work in parts, each in one transaction, so that a ringing call gets its turn between them."""
        changed, after = 0, ("", "")
        while True:
            work = partial(_key_part_again, self._database, account, numbering, after)
            count, last = await self._database.write(work, account)
            changed += count
            if last is None:
                return changed
            after = last

    async def put_deals(self, account: AccountId, deals: Sequence[Deal]) -> None:
        """As `put_persons`."""
        seen_at = self._clock.now()
        await self._remove(_deals, account, [deal.ref for deal in deals if deal.is_deleted])
        for part in _parts([deal for deal in deals if not deal.is_deleted]):
            work = _putting(self._database, _deals, account, _deal_entries(account, part, seen_at))
            await self._database.write(work, account)

    async def remove(self, account: AccountId, refs: Sequence[EntityRef]) -> None:
        """Remove these persons and deals; a missing one is not an error."""
        await self._remove(_persons, account, refs)
        await self._remove(_deals, account, refs)

    async def unseen(self, account: AccountId, *, seen_since: Timestamp, at_most: int) -> list[EntityRef]:
        """Reads the whole account if it has fewer than `at_most` of them."""
        found: list[EntityRef] = []
        for table in (persons, deals):
            query = select(table.c.kind, table.c.id).where(table.c.account == account, table.c.seen_at < seen_since)
            limited = query.limit(at_most - len(found))

            def refs(connection: Connection, query: Select[Any] = limited) -> list[EntityRef]:
                return [EntityRef(EntityKind(kind), id_) for kind, id_ in connection.execute(query)]

            found += await self._database.read(refs, account)
        return found

    async def has_persons(self, account: AccountId) -> bool:
        return bool(await self._database.rows(_ANY, {"account": account}, account))

    async def size(self, account: AccountId) -> int:
        """The number of persons. Counts them, so it is slow for a large account."""
        query = select(func.count()).select_from(persons).where(persons.c.account == account)
        return await self._database.read(lambda connection: connection.execute(query).scalar_one(), account)

    async def progress(self, account: AccountId) -> MirrorProgress | None:
        columns = (mirrors.c.polled_at, mirrors.c.next_comparison, mirrors.c.unseen_since, mirrors.c.keyed_by)
        query = select(*columns).where(mirrors.c.account == account)
        row = await self._database.read(lambda connection: connection.execute(query).first(), account)
        return None if row is None else MirrorProgress(**{**row._asdict(), "keyed_by": row.keyed_by or ""})

    async def save_progress(self, account: AccountId, progress: MirrorProgress) -> None:
        moments = asdict(progress)
        statement = (
            insert(self._database.dialect, mirrors)
            .values(account=account, **moments)
            .on_conflict_do_update(index_elements=[mirrors.c.account], set_=moments)
        )
        await self._database.write(lambda connection: connection.execute(statement), account)

    async def _remove(self, kind: _Kind, account: AccountId, refs: Sequence[EntityRef]) -> None:
        for part in _parts(refs):
            statement = delete(kind.table).where(_among(kind.table, account, part))
            await self._database.write(partial(_carry_out, statement), account)


def _latest_first(states: Iterable[str]) -> list[Deal]:
    """Each deal once, though it may be linked to two of the persons."""
    return sorted(
        (decode(Deal, state) for state in dict.fromkeys(states)), key=lambda deal: (-deal.updated_at, deal.ref.id)
    )


def _carry_out(statement: Delete, connection: Connection) -> None:
    connection.execute(statement)


def _parts(items: Sequence[X]) -> Iterable[Sequence[X]]:
    for start in range(0, len(items), _MOST_IN_ONE_WRITE):
        yield items[start : start + _MOST_IN_ONE_WRITE]


def _among(table: Table, account: AccountId, refs: Iterable[EntityRef]) -> ColumnElement[bool]:
    by_kind: dict[str, list[str]] = {}
    for ref in refs:
        by_kind.setdefault(str(ref.kind), []).append(ref.id)
    return and_(
        table.c.account == account,
        or_(*(and_(table.c.kind == kind, table.c.id.in_(ids)) for kind, ids in by_kind.items())),
    )


def _person_entries(
    account: AccountId, part: Sequence[Person], numbering: Numbering, seen_at: Timestamp
) -> list[_Entry]:
    entries = []
    for person in part:
        keys = match_keys(person.phones, numbering)
        row = {
            "account": account,
            "kind": person.ref.kind.value,
            "id": person.ref.id,
            "created_at": person.created_at,
            "updated_at": person.updated_at,
            "seen_at": seen_at,
            "match_keys": " ".join(keys),
            "state": encode(person),
        }
        entries.append(_Entry(person.ref, row, _phone_links(account, person.ref, keys)))
    return entries


def _key_part_again(
    database: Database, account: AccountId, numbering: Numbering, after: tuple[str, str], connection: Connection
) -> tuple[int, tuple[str, str] | None]:
    """Key the next persons after this kind and id. Returns how many changed, and the last one; None if none is left."""
    _one_at_a_time(database, account, connection)
    table = persons.c
    beyond = or_(table.kind > after[0], and_(table.kind == after[0], table.id > after[1]))
    query = select(table.kind, table.id, table.match_keys, table.state).where(table.account == account, beyond)
    rows = connection.execute(query.order_by(table.kind, table.id).limit(_MOST_IN_ONE_WRITE)).all()
    changed = []
    for kind, id_, stored, state in rows:
        keys = match_keys(decode(Person, state).phones, numbering)
        if " ".join(keys) != stored:
            changed.append((EntityRef(EntityKind(kind), id_), keys))
    if changed:
        connection.execute(_unlinking(_persons), [_named_as(account, ref) for ref, _ in changed])
        connection.execute(_keying(), [{**_named_as(account, ref), "keys": " ".join(keys)} for ref, keys in changed])
        links = [link for ref, keys in changed for link in _phone_links(account, ref, keys)]
        if links:
            _puts(database.dialect, _persons)[1](connection, links)
    last = (rows[-1].kind, rows[-1].id) if len(rows) == _MOST_IN_ONE_WRITE else None
    return len(changed), last


def _phone_links(account: AccountId, ref: EntityRef, keys: Iterable[str]) -> list[dict[str, Any]]:
    return [{"account": account, "match_key": key, "kind": ref.kind.value, "person": ref.id} for key in keys]


def _deal_entries(account: AccountId, part: Sequence[Deal], seen_at: Timestamp) -> list[_Entry]:
    entries = []
    for deal in part:
        row = {
            "account": account,
            "kind": deal.ref.kind.value,
            "id": deal.ref.id,
            "is_open": deal.is_open,
            "updated_at": deal.updated_at,
            "seen_at": seen_at,
            "state": encode(deal),
        }
        persons_of = dict.fromkeys((*deal.persons, *((deal.main_person,) if deal.main_person else ())))
        links = [
            {
                "account": account,
                "person_kind": person.kind.value,
                "person": person.id,
                "deal_kind": row["kind"],
                "deal": deal.ref.id,
            }
            for person in persons_of
        ]
        entries.append(_Entry(deal.ref, row, links))
    return entries


def _putting(
    database: Database, kind: _Kind, account: AccountId, entries: Sequence[_Entry]
) -> Callable[[Connection], None]:
    """A unit of work that stores these entries: newer ones replace ours, equal ones are only marked as seen."""
    put, link = _puts(database.dialect, kind)
    by_ref = {entry.ref: entry for entry in entries}

    def work(connection: Connection) -> None:
        _one_at_a_time(database, account, connection)
        changed, seen, relinked = _compare(_compared(kind), _stored(connection, kind, account, by_ref), by_ref)
        if relinked:
            connection.execute(_unlinking(kind), [_named_as(account, ref) for ref in relinked])
        if changed:
            put(connection, [entry.row for entry in changed])
            links = [row for entry in changed for row in entry.links]
            if links:
                link(connection, links)
        if seen:
            seen_at = entries[0].row["seen_at"]
            connection.execute(_marking(kind), [{**_named_as(account, ref), "now": seen_at} for ref in seen])

    return work


def _one_at_a_time(database: Database, account: AccountId, connection: Connection) -> None:
    """Lets one page of an account through at a time: two that overlap could deadlock."""
    if database.dialect == "postgresql":
        connection.execute(_ONE_WRITER, {"name": f"phone_book:{account}"})


@cache
def _puts(dialect: Dialect, kind: _Kind) -> tuple[ManyRows, ManyRows]:
    """The statements that store rows of this kind, and rows of its links."""
    upsert = insert(dialect, kind.table)
    changing = [column.name for column in kind.table.columns if not column.primary_key]
    put = upsert.on_conflict_do_update(
        index_elements=list(kind.table.primary_key.columns), set_={name: upsert.excluded[name] for name in changing}
    )
    return ManyRows(put), ManyRows(insert(dialect, kind.links).on_conflict_do_nothing())


def _compared(kind: _Kind) -> list[str]:
    """The columns to compare for changes; the first one tells which row is newer."""
    names = ["updated_at", "state"]
    # The account's country may have changed while the person has not.
    return [*names, "match_keys"] if "match_keys" in kind.table.c else names


def _stored(
    connection: Connection, kind: _Kind, account: AccountId, refs: Iterable[EntityRef]
) -> dict[EntityRef, tuple[Any, ...]]:
    """The `_compared` columns of the entries that are stored already."""
    table = kind.table
    if connection.dialect.name == "postgresql":
        names = {"kinds": [ref.kind.value for ref in refs], "ids": [ref.id for ref in refs]}
        rows = connection.execute(_stored_one_by_one(kind), {"account": account, **names})
    else:
        columns = (table.c[name] for name in ("kind", "id", *_compared(kind)))
        rows = connection.execute(select(*columns).where(_among(table, account, refs)))
    return {EntityRef(EntityKind(row[0]), row[1]): tuple(row[2:]) for row in rows}


@cache
def _stored_one_by_one(kind: _Kind) -> Select[Any]:
    """
    One query by primary key for each. With a list of keys, PostgreSQL reads the whole account and compares each row
    with the list, until its statistics show that the account is large: an import then slows down with every page.
    """
    names = (bindparam(name, type_=ARRAY(Text)) for name in ("kinds", "ids"))
    wanted = func.unnest(*names).table_valued("kind", "id").render_derived(name="wanted")
    table = kind.table.c
    owner = and_(table.account == bindparam("account"), table.kind == wanted.c.kind, table.id == wanted.c.id)
    columns = (table[name] for name in ("kind", "id", *_compared(kind)))
    found = select(*columns).where(owner).limit(1).lateral("found")
    return select(found).select_from(wanted.join(found, true()))


def _compare(
    names: Sequence[str], stored: Mapping[EntityRef, tuple[Any, ...]], by_ref: Mapping[EntityRef, _Entry]
) -> tuple[list[_Entry], list[EntityRef], list[EntityRef]]:
    """Which entries to write, which to mark as seen only, and which owners' links to delete first."""
    changed, seen, relinked = [], [], []
    for ref, entry in by_ref.items():
        old = stored.get(ref)
        if old is None:
            changed.append(entry)
            continue
        new = tuple(entry.row[name] for name in names)
        if old[0] > new[0] or tuple(old) == new:
            seen.append(ref)
            continue
        changed.append(entry)
        relinked.append(ref)
    return changed, seen, relinked


# One statement for each owner, run for many, for the reason in `_stored_one_by_one`; as fast on SQLite.


def _named_as(account: AccountId, ref: EntityRef) -> dict[str, Any]:
    return {"of_account": account, "of_kind": ref.kind.value, "of_id": ref.id}


@cache
def _unlinking(kind: _Kind) -> Delete:
    links = kind.links.c
    kind_column, id_column = (links[name] for name in kind.owner)
    return delete(kind.links).where(_is_named(links.account, kind_column, id_column))


@cache
def _keying() -> Update:
    columns = persons.c
    statement = update(persons).where(_is_named(columns.account, columns.kind, columns.id))
    return statement.values(match_keys=bindparam("keys"))


@cache
def _marking(kind: _Kind) -> Update:
    columns = kind.table.c
    statement = update(kind.table).where(_is_named(columns.account, columns.kind, columns.id))
    return statement.values(seen_at=bindparam("now"))


def _is_named(*columns: ColumnElement[Any]) -> ColumnElement[bool]:
    values: Iterable[BindParameter[str]] = (bindparam(name) for name in ("of_account", "of_kind", "of_id"))
    return and_(*(column == value for column, value in zip(columns, values, strict=True)))
