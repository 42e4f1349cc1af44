"""Makes lists of files: upload, a look at the columns, then the import in the background, which can be stopped. Lists
of the CRM are imported the same way, page by page.

A process that takes an import over goes on behind the rows that are stored (`ports.list_imports`).
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import structlog

from integration.domain.call_lists.cells import CellProblem, Problem
from integration.domain.call_lists.columns import Mapping, guess
from integration.domain.call_lists.rows import ListRow, read_row
from integration.domain.campaigns.model import EntryNumber
from integration.domain.campaigns.windows import zone_of
from integration.domain.crm.filters import CrmFilter
from integration.domain.ids import AccountId, CampaignId, ManagerId, Timestamp
from integration.domain.numbers.zones import possible_zones_of
from integration.errors import AuthFailed, LeaseLost, NotFound, ProtocolError, Rejected, StorageUnavailable, Unavailable
from integration.ports.campaigns import NewEntry
from integration.ports.clock import Clock
from integration.ports.coordination import Lease, Leases
from integration.ports.list_files import (
    FileForm,
    FileRow,
    FileTrouble,
    ListFiles,
    ReadingChoice,
    RowReading,
    UnreadableFile,
)
from integration.ports.list_imports import ImportRow, ImportState, ListImport, ListImports
from integration.services.accounts import Account, Accounts
from integration.services.crm_list_rows import CrmListRows
from integration.services.ending import ended

log = structlog.get_logger()

LARGEST_FILE = 20 * 1024 * 1024  # bytes; 100,000 rows of 10 columns are about 10 MB
SHOWN_ROWS = 20
_GUESSED_FROM = 200  # rows
_LONGEST_FILE_NAME = 200
_LEASE_SECONDS = 30.0
_RENEWED_SECONDS = 10.0  # a page of the CRM may take minutes
CRM_REFUSED, NO_CAMPAIGN = "crm_refused", "no_campaign"
_LOOK_EVERY_SECONDS = 5.0
_BETWEEN_BATCHES_SECONDS = 0.01  # calls come first
_AT_ONCE = 2
_CRMS_AT_ONCE = 50  # they wait for their CRMs, which pace themselves
_FORGOTTEN_SECONDS = 24 * 3600.0
_ENDED = (ImportState.DONE, ImportState.STOPPED, ImportState.FAILED)


@dataclass(frozen=True, slots=True)
class ShownRow:
    """A row of the preview: as in the file, and as it would be read."""

    row: FileRow
    read: ListRow


class ListImportService:
    """Run `run` as long as the process runs."""

    def __init__(
        self,
        imports: ListImports,
        files: ListFiles,
        crm_rows: CrmListRows,
        leases: Leases,
        accounts: Accounts,
        clock: Clock,
        process: str,
        tell: Callable[[AccountId], None],
    ) -> None:
        """
        Args:
            process: the holder of leases.
            tell: that something of an account changed.
        """
        self._imports = imports
        self._files = files
        self._crm_rows = crm_rows
        self._leases = leases
        self._accounts = accounts
        self._clock = clock
        self._process = process
        self._tell = tell
        self._wake = asyncio.Event()
        self._of_files = asyncio.Semaphore(_AT_ONCE)
        self._of_crms = asyncio.Semaphore(_CRMS_AT_ONCE)

    # ---- for the pages

    async def upload(
        self, account: Account, office: AccountId, campaign: CampaignId, *, file_name: str, content: bytes, by: str
    ) -> ListImport:
        """Keep a file and guess what its columns hold. Raises: UnreadableFile."""
        if len(content) > LARGEST_FILE:
            raise UnreadableFile(FileTrouble.TOO_LARGE)
        made = ListImport(
            id=secrets.token_hex(16),
            account=account.id,
            office=office,
            campaign=campaign,
            state=ImportState.PREVIEW,
            file_name=file_name[:_LONGEST_FILE_NAME],
            size=len(content),
            digest=hashlib.sha256(content).hexdigest(),
            made_at=self._clock.now(),
            made_by=by,
            **await self._looked_at(account, content, ReadingChoice()),
        )
        await self._imports.begin(made, content)
        return made

    async def read_again(self, account: Account, key: str, choice: ReadingChoice) -> ListImport | None:
        """Read a file by another encoding, separator or sheet; the columns are guessed again. Raises: UnreadableFile.
        None: there is no such file any more."""
        looked_at = await self._looked_at(account, await self._imports.content(account.id, key), choice)
        return await self._imports.change(
            account.id, key, lambda known: replace(known, **looked_at) if known.state is ImportState.PREVIEW else known
        )

    async def preview(self, account: Account, made: ListImport, mapping: Mapping | None = None) -> list[ShownRow]:
        """The first rows. Raises: UnreadableFile."""
        mapping = mapping or made.mapping
        content = await self._imports.content(account.id, made.id)
        shown: list[FileRow] = []
        async with self._files.open(content, made.choice) as opened:
            async for batch in opened.batches():
                shown += batch
                if len(shown) >= SHOWN_ROWS + mapping.first:
                    break
        numbering = account.settings.numbering
        chosen = shown[mapping.first : mapping.first + SHOWN_ROWS]
        return [ShownRow(row, read_row(row.cells, mapping, numbering)) for row in chosen]

    async def heading(self, account: Account, made: ListImport) -> Sequence[str]:
        """The cells of the row of headings; empty without one. Raises: UnreadableFile."""
        if made.mapping.heading is None:
            return ()
        rows = await self.preview(account, made, replace(made.mapping, first=made.mapping.heading))
        return rows[0].row.cells if rows else ()

    async def begin(self, account: AccountId, key: str, mapping: Mapping) -> bool:
        """Take the rows of a file into the list, in the background. False: it has begun already, or is gone."""
        begun = False

        def start(known: ListImport) -> ListImport:
            nonlocal begun
            begun = known.state is ImportState.PREVIEW
            rows = known.rows + known.mapping.first - mapping.first
            return replace(known, state=ImportState.RUNNING, mapping=mapping, rows=rows) if begun else known

        await self._imports.change(account, key, start)
        self._wake.set()
        return begun

    async def begin_from_crm(
        self, account: Account, office: AccountId, campaign: CampaignId, wanted: CrmFilter, *, name: str, by: str
    ) -> ListImport:
        """Take what fits a filter into the list, in the background. `name`: what the filter says, for people."""
        made = ListImport(
            id=secrets.token_hex(16),
            account=account.id,
            office=office,
            campaign=campaign,
            state=ImportState.RUNNING,
            file_name=name[:_LONGEST_FILE_NAME],
            size=0,
            digest="",
            form=FileForm(),
            choice=ReadingChoice(),
            mapping=Mapping((), 0),
            rows=0,
            made_at=self._clock.now(),
            made_by=by,
            wanted=wanted,
        )
        await self._imports.begin(made, b"")
        self._wake.set()
        return made

    async def stop(self, account: AccountId, key: str) -> bool:
        """What is in the list stays there. False: it has ended already."""
        return await self._end(account, key, ImportState.STOPPED)

    async def _looked_at(self, account: Account, content: bytes, choice: ReadingChoice) -> dict[str, Any]:
        """How the file is read: fields of `ListImport`. Raises: UnreadableFile."""
        first: list[FileRow] = []
        count = 0
        async with self._files.open(content, choice) as opened:
            form = opened.form
            async for batch in opened.batches():
                count += len(batch)
                first += batch[: _GUESSED_FROM - len(first)]
        mapping = guess([row.cells for row in first], account.settings.numbering)
        return {"form": form, "choice": choice, "mapping": mapping, "rows": count - mapping.first}

    # ---- in the background

    async def run(self) -> None:
        going: dict[tuple[AccountId, str], asyncio.Task[None]] = {}
        try:
            while True:
                for each in [each for each, task in going.items() if task.done()]:
                    going.pop(each).result()
                try:
                    await self._forget()
                    for account, key in await self._imports.running():
                        if (account, key) not in going:
                            going[account, key] = asyncio.create_task(self._go_on(account, key))
                except Unavailable as exc:
                    log.warning("imports of lists wait for the database", reason=str(exc))
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), _LOOK_EVERY_SECONDS)
                self._wake.clear()
        finally:
            await ended(going.values())

    async def _forget(self) -> None:
        before = Timestamp(self._clock.now() - _FORGOTTEN_SECONDS)
        if forgotten := await self._imports.forget(previews_before=before):
            log.info("files of lists that nobody went on with were forgotten", files=forgotten)

    async def _go_on(self, account: AccountId, key: str) -> None:
        """A CRM may rest for minutes: its lists keep no file waiting."""
        running = self._accounts.get(account)
        if running is None:
            return  # its office does not run here
        try:
            made = await self._imports.get(account, key)
            if made is not None:
                async with self._of_files if made.wanted is None else self._of_crms:
                    await self._under_a_lease(running, key)
        except StorageUnavailable as exc:
            log.warning("the import of a list waits for the database", reason=str(exc))
        except Unavailable as exc:
            log.warning("the import of a list waits for the CRM", account_id=account, reason=str(exc))

    async def _under_a_lease(self, running: Account, key: str) -> None:
        account = running.id
        leases = await self._leases.acquire([f"list import {key}"], holder=self._process, ttl_seconds=_LEASE_SECONDS)
        if not leases:
            return
        try:
            await self._import(running, key, leases[0])
        except LeaseLost:
            log.info("another process goes on with the import of a list")
        except UnreadableFile as exc:
            await self._end(account, key, ImportState.FAILED, exc.trouble)
        except NotFound as exc:
            await self._end(account, key, ImportState.FAILED, NO_CAMPAIGN if exc.code == NO_CAMPAIGN else CRM_REFUSED)
        except (AuthFailed, Rejected, ProtocolError) as exc:
            log.warning("the CRM refuses the import of a list", account_id=account, reason=str(exc))
            await self._end(account, key, ImportState.FAILED, CRM_REFUSED)
        finally:
            with suppress(Unavailable):  # it ends by itself
                await self._leases.release(leases)

    async def _import(self, account: Account, key: str, lease: Lease) -> None:
        made = await self._imports.get(account.id, key)
        if made is None or made.state is not ImportState.RUNNING:
            return
        if made.wanted is not None:
            async with self._held(lease):
                await self._import_of_crm(account, made, made.wanted, lease)
            return
        content = await self._imports.content(account.id, key)
        reading = RowReading(made.mapping, account.settings.numbering)
        managers = _managers_by_name(account)
        behind = made.done
        async with self._files.open(content, made.choice, reading) as opened:
            async for batch in opened.batches():
                fresh = batch[behind:] if behind < len(batch) else []
                behind -= min(behind, len(batch))
                if not fresh:
                    continue
                rows = [import_row(row, made.id, managers) for row in fresh]
                if await self._imports.step(account.id, key, rows, lease=lease) is None:
                    return  # somebody has stopped it
                self._tell(account.id)
                await self._leases.renew([lease], ttl_seconds=_LEASE_SECONDS)
                await asyncio.sleep(_BETWEEN_BATCHES_SECONDS)
        await self._end(account.id, key, ImportState.DONE)

    async def _import_of_crm(self, account: Account, made: ListImport, wanted: CrmFilter, lease: Lease) -> None:
        done = made.done
        async for page in account.crm.listed(wanted, after=made.after):
            rows = await self._crm_rows.of(account, made, page.items, done=done)
            if await self._imports.step(account.id, made.id, rows, lease=lease, after=page.after) is None:
                return  # somebody has stopped it
            done += len(rows)
            self._tell(account.id)
        await self._end(account.id, made.id, ImportState.DONE)

    @asynccontextmanager
    async def _held(self, lease: Lease) -> AsyncIterator[None]:
        """Renew a lease as long as the block lasts. Who loses it is told by the next step."""

        async def renew() -> None:
            with suppress(LeaseLost, Unavailable):
                while True:
                    await asyncio.sleep(_RENEWED_SECONDS)
                    await self._leases.renew([lease], ttl_seconds=_LEASE_SECONDS)

        task = asyncio.create_task(renew())
        try:
            yield
        finally:
            await ended([task])

    async def _end(self, account: AccountId, key: str, state: ImportState, trouble: str = "") -> bool:
        ended = False

        def end(known: ListImport) -> ListImport:
            nonlocal ended
            ended = known.state not in _ENDED
            after = replace(known, state=state, trouble=trouble, ended_at=self._clock.now())
            return after if ended else known

        await self._imports.change(account, key, end)
        self._tell(account)
        return ended


def import_row(row: FileRow, source: str, managers: dict[str, ManagerId]) -> ImportRow:
    """A row that was read, as it goes into the list."""
    read = row.read
    if read is None:
        raise ValueError("the row was not read")
    problems = list(read.problems)
    zone = read.zone
    if zone is not None and zone_of(zone) is None:
        problems.append(CellProblem(problem=Problem.UNKNOWN_ZONE, text=zone))
        zone = None
    responsible = managers.get(_folded(read.responsible)) if read.responsible else None
    if read.responsible and responsible is None:
        problems.append(CellProblem(problem=Problem.UNKNOWN_RESPONSIBLE, text=read.responsible))
    new = None
    if read.numbers:
        numbers = tuple(
            EntryNumber(e164=each.e164, zones=(zone,) if zone is not None else possible_zones_of(each.e164))
            for each in read.numbers
        )
        new = NewEntry(
            numbers=numbers,
            name=read.name,
            responsible=responsible,
            comment=" ".join(filter(None, (read.comment, *_extensions(read)))),
            source=source,
            line=row.line,
        )
    return ImportRow(line=row.line, cells=row.cells, new=new, problems=tuple(problems))


def _extensions(read: ListRow) -> list[str]:
    """What to dial behind a number: the PBX cannot, so the employee must see it."""
    return [f"{number.e164} #{number.extension}" for number in read.numbers if number.extension]


def _managers_by_name(account: Account) -> dict[str, ManagerId]:
    """By name and by mail address; a name that two managers have belongs to neither."""
    found: dict[str, ManagerId | None] = {}
    for manager in account.managers.values():
        for name in (manager.name, manager.email or ""):
            if key := _folded(name):
                found[key] = None if key in found and found[key] != manager.id else manager.id
    return {name: manager for name, manager in found.items() if manager is not None}


def _folded(name: str) -> str:
    return " ".join(name.split()).casefold()
