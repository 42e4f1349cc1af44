"""Objects of the CRM's lists as rows of an import: deals become their contacts, and who cannot be called says why."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from integration.domain.call_lists.cells import CellProblem, Problem
from integration.domain.calls.intents import Priority
from integration.domain.crm.entities import Deal, EntityRef, Person
from integration.ports.list_imports import ImportRow, ListImport
from integration.ports.stores import PhoneBook
from integration.services.accounts import Account
from integration.services.crm_entries import LeftOut, entry_of, persons_of

_AT_ONCE = 20  # rows; plans of numbers take time, and calls come first
_PROBLEMS = {
    LeftOut.NO_NUMBER: Problem.NO_NUMBER,
    LeftOut.NOBODY: Problem.NOBODY,
    LeftOut.NOT_FOUND: Problem.NOT_FOUND,
}


class CrmListRows:
    def __init__(self, phone_book: PhoneBook) -> None:
        self._phone_book = phone_book

    async def of(
        self, account: Account, made: ListImport, found: Sequence[Person | Deal], *, done: int
    ) -> list[ImportRow]:
        """
        Args:
            found: of the CRM, now; persons of deals are read from the phone book, and from the CRM what it lacks.
            done: rows before these.

        Raises:
            DozvonError: as the CRM and the database.
        """
        deals = [each for each in found if isinstance(each, Deal)]
        refs = [*(ref for deal in deals for ref in persons_of(deal)), *(each.ref for each in found)]
        book = await self._phone_book.of_refs(account.id, list(dict.fromkeys(refs)))
        known = await self._persons(account, deals, book)
        rows = []
        for index, each in enumerate(found):
            if index % _AT_ONCE == 0:
                await asyncio.sleep(0)
            rows.append(_row(account, made, each, known, book, line=done + index + 1))
        return rows

    async def _persons(
        self, account: Account, deals: Sequence[Deal], book: Mapping[EntityRef, Person | Deal]
    ) -> dict[EntityRef, Person | Deal]:
        """Those of deals; whom the phone book lacks, from the CRM."""
        known = dict(book)
        for ref in dict.fromkeys(ref for deal in deals for ref in persons_of(deal)):
            if ref in known:
                continue
            person = await account.crm.person(ref, priority=Priority.IMPORT)
            if person is not None and not person.is_deleted:
                known[ref] = person
        return known


def _row(
    account: Account,
    made: ListImport,
    each: Person | Deal,
    known: Mapping[EntityRef, Person | Deal],
    mirrored: Collection[EntityRef],
    *,
    line: int,
) -> ImportRow:
    entry = entry_of(each, known, account.settings.numbering, mirrored)
    cells = (each.name, account.crm.entity_url(each.ref))
    if isinstance(entry, LeftOut):
        return ImportRow(line=line, cells=cells, new=None, problems=(CellProblem(problem=_PROBLEMS[entry]),))
    return ImportRow(line=line, cells=cells, new=replace(entry, source=made.id, line=line))
