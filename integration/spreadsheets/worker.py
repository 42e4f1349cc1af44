"""The reader's own process: `python -m integration.spreadsheets.worker ORDER`, the file on its standard input.

It prints a JSON line about the file's form, then lines with batches of rows, then `{"end": true}`; or `{"trouble":
"too_large"}`. It bounds its own memory and time, because a file can be made to unpack to anything.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any, BinaryIO, TextIO

from integration.domain.call_lists.rows import read_row
from integration.domain.call_lists.text_files import Encoding, Separator, encoding_of, read_text_table
from integration.ports.list_files import FileForm, FileRow, FileTrouble, ReadingChoice, RowReading, UnreadableFile
from integration.spreadsheets import messages
from integration.worker_limits import limit_this_process

MOST_ROWS = 200_000
BATCH = 200
_BATCH_CHARACTERS = 500_000
_MOST_MEMORY = 1536 * 1024 * 1024
_MOST_SECONDS = 120


def read(data: bytes, choice: ReadingChoice) -> tuple[FileForm, Iterator[FileRow]]:
    """The form and the rows that are not empty. Raises: UnreadableFile."""
    from integration.spreadsheets import workbooks  # loads the library only for workbooks

    if not data.strip(b"\x00 \r\n\t"):
        raise UnreadableFile(FileTrouble.EMPTY)
    if workbooks.is_workbook(data):
        book = workbooks.Workbook(data)
        sheets = book.sheets
        if not sheets:
            raise UnreadableFile(FileTrouble.EMPTY)
        sheet = choice.sheet if choice.sheet in sheets else _fullest(book)
        return FileForm(sheets=sheets, sheet=sheet), book.rows(sheet)
    if workbooks.is_html(data):
        encoding = choice.encoding or encoding_of(data)
        table = read_text_table(data, encoding, Separator.TAB)
        return FileForm(encoding=encoding), workbooks.html_rows(table.text)
    if _is_binary(data) and choice.encoding is None:
        raise UnreadableFile(FileTrouble.UNREADABLE)
    table = read_text_table(data, choice.encoding, choice.separator)
    rows = (FileRow(line, tuple(cells)) for line, cells in table.records() if any(cell.strip() for cell in cells))
    return FileForm(encoding=table.encoding, separator=table.separator), rows


def _fullest(book: Any) -> str:
    """The first sheet that has rows: reports often begin with an empty one."""
    for sheet in book.sheets:
        if next(iter(book.rows(sheet)), None) is not None:
            return str(sheet)
    return str(book.sheets[0])


def _is_binary(data: bytes) -> bool:
    """A picture, a PDF, an archive: other control characters than a text has."""
    if data.startswith((b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b")):
        return True
    if encoding_of(data) is Encoding.UTF_16:
        return False
    sample = data[:4096]
    return sum(byte < 32 and byte not in (9, 10, 11, 12, 13, 26) for byte in sample) * 100 > len(sample)


def run(source: BinaryIO, target: TextIO, choice: ReadingChoice, reading: RowReading | None = None) -> None:
    """Read all of `source` and print to `target`, as the module says."""
    try:
        form, rows = read(source.read(), choice)
        _print(target, asdict(form))
        batch: list[Any] = []
        count = characters = 0
        for row in rows:
            count += 1
            if count > MOST_ROWS:
                raise UnreadableFile(FileTrouble.TOO_MANY_ROWS)
            if reading is not None:
                if count <= reading.mapping.first:
                    continue
                row = replace(row, read=read_row(row.cells, reading.mapping, reading.numbering))
            batch.append(messages.row(row))
            characters += sum(map(len, row.cells))
            if len(batch) == BATCH or characters > _BATCH_CHARACTERS:
                _print(target, batch)
                batch, characters = [], 0
        if batch:
            _print(target, batch)
        _print(target, {"end": True} if count else {"trouble": FileTrouble.EMPTY})
    except UnreadableFile as exc:
        _print(target, {"trouble": exc.trouble})
    except (MemoryError, RecursionError):
        _print(target, {"trouble": FileTrouble.TOO_LARGE})


def _print(target: TextIO, value: Any) -> None:
    target.write(json.dumps(value) + "\n")
    target.flush()


def main() -> None:
    limit_this_process(processor_seconds=_MOST_SECONDS, memory=_MOST_MEMORY)
    run(sys.stdin.buffer, sys.stdout, *messages.read_order(json.loads(sys.argv[1])))


if __name__ == "__main__":
    main()
