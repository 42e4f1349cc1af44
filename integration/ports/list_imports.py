"""Files, and lists of the CRM, on their way into a campaign: what was chosen, how far it is, and what was left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from integration.domain.call_lists.cells import CellProblem
from integration.domain.call_lists.columns import Mapping
from integration.domain.crm.filters import CrmFilter
from integration.domain.ids import AccountId, CampaignId, Timestamp
from integration.ports.campaigns import NewEntry
from integration.ports.coordination import Lease
from integration.ports.list_files import FileForm, ReadingChoice

MOST_PROBLEMS = 5_000
"""Rows with problems that are kept for one import; all are counted."""


class ImportState(StrEnum):
    PREVIEW = "preview"  # somebody looks at the columns
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"  # by a person; what was taken stays
    FAILED = "failed"  # the file could not be read to its end


@dataclass(frozen=True, slots=True, kw_only=True)
class ListImport:
    """
    Attributes:
        rows: of people in the file.
        done: of them, so far.
        taken: entries made of them.
        joined: contacts added to an entry that has their number.
        left_out: rows by the problem for which they are not in the list.
        remarks: rows that are in the list, without something that could not be read, by the problem.
        trouble: of a failed one (`FileTrouble`, or what the CRM refused).
        office: whose do-not-call list counts.
        wanted: of the CRM's objects, which are read instead of a file. `rows` is 0 then: a CRM does not count.
        after: behind which page of them it goes on.
    """

    id: str
    account: AccountId
    office: AccountId
    campaign: CampaignId
    state: ImportState
    file_name: str
    size: int
    digest: str
    form: FileForm
    choice: ReadingChoice
    mapping: Mapping
    rows: int
    made_at: Timestamp
    made_by: str
    done: int = 0
    taken: int = 0
    joined: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    remarks: dict[str, int] = field(default_factory=dict)
    trouble: str = ""
    ended_at: Timestamp | None = None
    wanted: CrmFilter | None = None
    after: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRow:
    """
    A row of the file as it goes into the list.

    Attributes:
        new: None: it has no number to call.
        cells: as in the file, for the list of problems.
    """

    line: int
    cells: tuple[str, ...]
    new: NewEntry | None
    problems: tuple[CellProblem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RowTrouble:
    """`is_taken`: the row is in the list all the same."""

    line: int
    cells: tuple[str, ...]
    problems: tuple[CellProblem, ...]
    is_taken: bool = False


class ListImports(Protocol):
    """Errors: Unavailable."""

    async def begin(self, made: ListImport, content: bytes) -> None: ...

    async def get(self, account: AccountId, key: str) -> ListImport | None: ...

    async def of_campaign(self, account: AccountId, campaign: CampaignId, *, limit: int = 20) -> list[ListImport]:
        """The newest first."""

    async def running(self) -> list[tuple[AccountId, str]]:
        """Of all accounts, the oldest first."""

    async def content(self, account: AccountId, key: str) -> bytes:
        """The file; empty once it is read."""

    async def change(
        self,
        account: AccountId,
        key: str,
        change: Callable[[ListImport], ListImport],
    ) -> ListImport | None:
        """Change it in a transaction; `change` is pure. One that has ended loses its file. None: there is none."""

    async def step(
        self, account: AccountId, key: str, rows: Sequence[ImportRow], *, lease: Lease, after: str = ""
    ) -> ListImport | None:
        """
        Put these rows into the list and count them, in one transaction: a killed process goes on behind them, or behind
        the page `after`. None: it does not run any more. Raises: LeaseLost, and NotFound: the campaign is gone.
        """

    async def problems(self, account: AccountId, key: str, *, after: int = 0, limit: int = 100) -> list[RowTrouble]:
        """By line, behind the line `after`."""

    async def forget(self, *, previews_before: Timestamp) -> int:
        """Forget the files that nobody went on with. Returns how many."""
