"""Deletes campaigns, and single persons from all lists. Short transactions; figures last, as everywhere."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, and_, delete, or_, select, update

from integration.domain.campaigns.model import Attempt, AttemptState, CampaignState, Entry, EntryState
from integration.domain.campaigns.own_list import Client, OwnList, Phase, without
from integration.domain.ids import AccountId, CampaignId, EntryId
from integration.ports.campaign_erasure import Deletion, Forgetting
from integration.ports.campaigns import ChangeKind
from integration.ports.clock import Clock
from integration.ports.dialling import DiallingNow
from integration.ports.list_imports import ImportState, RowTrouble
from integration.storage.sql.callbacks import drop_rows, entries_with
from integration.storage.sql.campaign_rows import Moves, count_moves, lock_entry
from integration.storage.sql.campaigns import lock
from integration.storage.sql.codec import decode, encode, storable
from integration.storage.sql.database import Database
from integration.storage.sql.schema.campaigns import (
    campaign_attempts,
    campaign_changes,
    campaign_counts,
    campaign_days,
    campaign_dialling,
    campaign_entries,
    campaign_numbers,
    campaign_sounds,
    campaigns,
    list_import_parts,
    list_import_problems,
    list_imports,
    own_lists,
)

_AT_ONCE = 500  # rows of a transaction
_LAST_DIGITS = 9  # of a number, as files write it in whatever form


class SqlCampaignErasure:
    """Implements `ports.campaign_erasure.CampaignErasure`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def delete(self, account: AccountId, campaign: CampaignId, *, by: str) -> Deletion:
        def work(connection: Connection) -> Deletion | None:
            row = lock(connection, account, campaign)
            if row is None:
                return Deletion.GONE
            if row.state == CampaignState.RUNNING.value or _under_way(connection, account, campaign):
                return Deletion.RUNS
            if _some(connection, account, campaign):
                return None
            _rest(connection, account, campaign)
            if _has_days(connection, account, campaign):
                kept = {"at": self._clock.now(), "who": storable(by), "before": row.name}
                _keep_name(connection, account, campaign, kept)
            return Deletion.DONE

        while True:
            done = await self._database.write(work, account)
            if done is not None:
                return done

    async def forget(self, accounts: Sequence[AccountId], number: str) -> Forgetting:
        said = Forgetting.NOTHING
        for account in sorted(accounts):
            one = await self._database.write(self._forgetting(account, number), account)
            if one is Forgetting.BUSY:
                return one
            said = one if one is Forgetting.DONE else said
        return said

    def _forgetting(self, account: AccountId, number: str) -> Callable[[Connection], Forgetting]:
        def work(connection: Connection) -> Forgetting:
            if _is_importing(connection, account):
                return Forgetting.BUSY
            own = _own_lists_with(connection, account, number)
            if any(_is_about(each, number) for each in own):
                return Forgetting.BUSY
            known = _entries_with(connection, account, number)
            if any(entry.state is EntryState.TAKEN for entry in known):
                return Forgetting.BUSY
            numbers = {number, *(each.e164 for entry in known for each in entry.numbers)}
            numbers |= {each.e164 for one in own for client in _theirs(one, number) for each in client.numbers}
            attempts = _attempts_of(connection, account, known, numbers)
            if any(each.state is not AttemptState.ENDED for each in attempts):
                return Forgetting.BUSY
            moves: Moves = Counter()
            for entry in known:
                _drop_entry(connection, account, entry)
                moves[entry.campaign, entry.state] -= 1
            for one in own:
                _drop_clients(connection, one, number)
            for each in attempts:
                blank = {"number": "", "body": encode(replace(each, number=""))}
                mine = campaign_attempts.c.account == account, campaign_attempts.c.id == each.id
                connection.execute(update(campaign_attempts).where(*mine).values(**blank))
            lines = _drop_lines(connection, account, numbers)
            _drop_offers(connection, account, numbers)
            count_moves(connection, self._database.dialect, account, moves)
            return Forgetting.DONE if known or own or attempts or lines else Forgetting.NOTHING

        return work


# ---- a campaign


def _under_way(connection: Connection, account: AccountId, campaign: CampaignId) -> bool:
    mine = campaign_attempts.c.account == account, campaign_attempts.c.campaign == campaign
    query = select(campaign_attempts.c.id).where(*mine, campaign_attempts.c.state != AttemptState.ENDED.value).limit(1)
    return connection.execute(query).first() is not None


def _some(connection: Connection, account: AccountId, campaign: CampaignId) -> bool:
    """Delete some entries, else some attempts. False: there are none left."""
    table = campaign_entries
    query = select(table.c.id).where(table.c.account == account, table.c.campaign == campaign)
    ids = sorted(connection.execute(query.order_by(table.c.position).limit(_AT_ONCE)).scalars())
    if ids:
        these = table.c.account == account, table.c.id.in_(ids)
        # Locked by id, as everybody does: numbers that are set to do-not-call lock entries too.
        bodies = connection.execute(select(table.c.body).where(*these).order_by(table.c.id).with_for_update()).scalars()
        numbers = {each.e164 for body in bodies.all() for each in decode(Entry, body).numbers}
        _drop_numbers(connection, account, campaign, numbers)
        connection.execute(delete(table).where(*these))
        return True
    attempts = campaign_attempts
    of_campaign = attempts.c.account == account, attempts.c.campaign == campaign
    found = connection.execute(select(attempts.c.id).where(*of_campaign).limit(_AT_ONCE)).scalars().all()
    if found:
        connection.execute(delete(attempts).where(attempts.c.account == account, attempts.c.id.in_(found)))
    return bool(found)


def _rest(connection: Connection, account: AccountId, campaign: CampaignId) -> None:
    """Imports, figures, history, and the campaign itself; not the days of its ledger."""
    mine = list_imports.c.account == account, list_imports.c.campaign == campaign
    for key in connection.execute(select(list_imports.c.id).where(*mine)).scalars().all():
        for table in (list_import_parts, list_import_problems):
            connection.execute(delete(table).where(table.c.account == account, table.c["import"] == key))
    connection.execute(delete(list_imports).where(*mine))
    for table in (campaign_counts, campaign_changes, campaign_sounds, campaign_dialling):
        connection.execute(delete(table).where(table.c.account == account, table.c.campaign == campaign))
    connection.execute(delete(campaigns).where(campaigns.c.account == account, campaigns.c.id == campaign))


def _has_days(connection: Connection, account: AccountId, campaign: CampaignId) -> bool:
    mine = campaign_days.c.account == account, campaign_days.c.campaign == campaign
    return connection.execute(select(campaign_days.c.day).where(*mine).limit(1)).first() is not None


def _keep_name(connection: Connection, account: AccountId, campaign: CampaignId, row: dict[str, Any]) -> None:
    """The one line that is left of the history: the ledger is read by the campaign's name."""
    fixed = {"account": account, "campaign": campaign, "seq": 1, "what": ChangeKind.DELETED.value, "after": ""}
    connection.execute(campaign_changes.insert(), fixed | row)


def _drop_numbers(connection: Connection, account: AccountId, campaign: CampaignId, numbers: Iterable[str]) -> None:
    table, wanted = campaign_numbers, sorted(numbers)
    for at in range(0, len(wanted), _AT_ONCE):
        some = table.c.number.in_(wanted[at : at + _AT_ONCE])
        connection.execute(delete(table).where(table.c.account == account, some, table.c.campaign == campaign))


# ---- a person


def _is_importing(connection: Connection, account: AccountId) -> bool:
    running = list_imports.c.account == account, list_imports.c.state == ImportState.RUNNING.value
    return connection.execute(select(list_imports.c.id).where(*running).limit(1)).first() is not None


def _entries_with(connection: Connection, account: AccountId, number: str) -> list[Entry]:
    """Locked, by id: all take them in this order."""
    table = campaign_numbers
    query = select(table.c.entry).where(table.c.account == account, table.c.number == number)
    ids = sorted({*connection.execute(query).scalars(), *entries_with(connection, account, number)})
    return [each for id_ in ids if (each := lock_entry(connection, account, EntryId(id_))) is not None]


def _own_lists_with(connection: Connection, account: AccountId, number: str) -> list[OwnList]:
    """Of managers, locked; before all else, as their own changes lock them."""
    query = select(own_lists.c.body).where(own_lists.c.account == account).order_by(own_lists.c.manager)
    bodies = connection.execute(query.with_for_update()).scalars().all()
    return [own for body in bodies if _theirs(own := decode(OwnList, body), number)]


def _theirs(own: OwnList, number: str) -> list[Client]:
    return [client for client in own.clients if any(each.e164 == number for each in client.numbers)]


def _is_about(own: OwnList, number: str) -> bool:
    """Whether the person is being called from this list, or is the next one whose call is on its way."""
    keys = {client.key for client in _theirs(own, number)}
    return own.phase is not Phase.IDLE and (own.current in keys or own.number == number)


def _drop_clients(connection: Connection, own: OwnList, number: str) -> None:
    after = own
    for client in _theirs(own, number):
        after = without(after, client.key)
    after = replace(after, revision=own.revision + 1)
    mine = own_lists.c.account == own.account, own_lists.c.manager == own.manager
    row = {"revision": after.revision, "due_at": after.due_at, "body": encode(after)}
    connection.execute(update(own_lists).where(*mine).values(**row))


def _attempts_of(
    connection: Connection, account: AccountId, entries: Sequence[Entry], numbers: Iterable[str]
) -> list[Attempt]:
    table: Any = campaign_attempts
    theirs = or_(table.c.number.in_(sorted(numbers)), table.c.entry.in_([each.id for each in entries]))
    query = select(table.c.body).where(and_(table.c.account == account, table.c.number != "", theirs))
    return [decode(Attempt, body) for body in connection.execute(query.with_for_update()).scalars().all()]


def _drop_entry(connection: Connection, account: AccountId, entry: Entry) -> None:
    _drop_numbers(connection, account, entry.campaign, [each.e164 for each in entry.numbers])
    drop_rows(connection, account, entry.id)
    table = campaign_entries
    connection.execute(delete(table).where(table.c.account == account, table.c.id == entry.id))


def _drop_offers(connection: Connection, account: AccountId, numbers: set[str]) -> None:
    """They are not shown to an employee any more; a campaign that was stopped keeps what it did last."""
    table = campaign_dialling
    query = select(table.c.campaign, table.c.now).where(table.c.account == account).with_for_update()
    for campaign, body in connection.execute(query).all():
        if not any(number in body for number in numbers):
            continue
        doing = decode(DiallingNow, body)
        left = tuple(each for each in doing.offers if not numbers & set(each.numbers))
        mine = table.c.account == account, table.c.campaign == campaign
        connection.execute(update(table).where(*mine).values(now=encode(replace(doing, offers=left))))


def _drop_lines(connection: Connection, account: AccountId, numbers: Iterable[str]) -> int:
    """Lines of files that were left out and have one of these numbers, however it is written."""
    tails = [each[-_LAST_DIGITS:] for each in numbers]
    table = list_import_problems
    rows = connection.execute(select(table).where(table.c.account == account)).mappings().all()
    dropped = 0
    for row in rows:
        digits = [re.sub(r"\D", "", cell) for cell in decode(RowTrouble, row["body"]).cells]
        if any(tail in cell for tail in tails for cell in digits):
            mine = table.c.account == account, table.c["import"] == row["import"], table.c.line == row["line"]
            connection.execute(delete(table).where(*mine))
            dropped += 1
    return dropped
