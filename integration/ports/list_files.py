"""The files from which lists are made: opened apart from everything else, read in batches of rows as text."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from integration.domain.call_lists.columns import Mapping
from integration.domain.call_lists.rows import ListRow
from integration.domain.call_lists.text_files import Encoding, Separator
from integration.domain.numbers.numbering import Numbering
from integration.errors import Rejected


class FileTrouble(StrEnum):
    """Why a file cannot be read."""

    EMPTY = "empty"
    TOO_LARGE = "too_large"  # unpacked, or more than the reader may use
    TOO_MANY_ROWS = "too_many_rows"
    UNREADABLE = "unreadable"  # damaged, or of another kind
    PROTECTED = "protected"  # by a password


class UnreadableFile(Rejected):
    """A person has to send another file."""

    def __init__(self, trouble: FileTrouble) -> None:
        super().__init__(f"The file of the list cannot be read: {trouble}.", code=trouble)
        self.trouble = trouble


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingChoice:
    """What a person chose; None: guess."""

    encoding: Encoding | None = None
    separator: Separator | None = None
    sheet: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileForm:
    """
    How a file was read.

    Attributes:
        encoding: None: a workbook.
        separator: None: a workbook, or one column.
        sheets: of a workbook.
        sheet: the one that is read.
    """

    encoding: Encoding | None = None
    separator: Separator | None = None
    sheets: tuple[str, ...] = ()
    sheet: str = ""


@dataclass(frozen=True, slots=True)
class RowReading:
    """How the rows are to be read: apart too, because plans of numbers take time."""

    mapping: Mapping
    numbering: Numbering


@dataclass(frozen=True, slots=True)
class FileRow:
    """
    Attributes:
        line: of a text, or the number of the row in a sheet, from 1.
        read: by the `RowReading`; None without one.
    """

    line: int
    cells: tuple[str, ...]
    read: ListRow | None = None


class OpenedFile(Protocol):
    @property
    def form(self) -> FileForm: ...

    def batches(self) -> AsyncIterator[list[FileRow]]:
        """All rows that are not empty, once, in order. Raises: UnreadableFile."""


class ListFiles(Protocol):
    def open(
        self, data: bytes, choice: ReadingChoice, reading: RowReading | None = None
    ) -> AbstractAsyncContextManager[OpenedFile]:
        """
        Args:
            reading: rows before its `mapping.first` are left out.

        Raises: UnreadableFile.
        """
