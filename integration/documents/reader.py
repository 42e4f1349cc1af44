"""Reads the table of one kind of CRM or PBX for its adapter, and collects everything that is wrong with it.

Each method returns a value of the right type in any case: where the document has none, the default. So an adapter reads
all of its settings, and then `finish` raises with every problem. Values are not shown: there are secrets among them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import Field, fields
from typing import Any, TypeVar

from integration.documents.problems import FieldProblem, InvalidDocument, Path, shortened, unknown_key
from integration.texts.settings import KindProblem, Problem

_NOTHING: Mapping[str, Any] = {}
_WORD = re.compile(r"[A-Za-z0-9_.\-]{1,80}")
_MISSING = object()
Settings = TypeVar("Settings")


def read_settings(
    kind: type[Settings], table: Mapping[str, Any], name: str, read: Callable[[TableReader, str, str, Any], Any]
) -> Settings:
    """
    A dataclass of settings from its table.

    Args:
        kind: refuses what is wrong together with InvalidDocument, whose paths end with a field's name.
        name: of the table in the document.
        read: one field that is no number: the reader, its name, its type as it is written, its default.

    Raises:
        InvalidDocument: names every key that is unknown, missing, of the wrong type or has a wrong value.
    """
    reader = TableReader(table, (name,))
    own: tuple[Field[Any], ...] = fields(kind)  # type: ignore[arg-type]
    values = {each.name: _number_or(reader, read, each.name, str(each.type), each.default) for each in own}
    reader.no_more()
    try:
        settings = kind(**values)
    except InvalidDocument as exc:
        reader.problems += [each for each in exc.problems if reader.is_right(str(each.path[-1]))]
        raise InvalidDocument(reader.problems) from exc
    reader.finish()
    return settings


def _number_or(
    reader: TableReader, read: Callable[[TableReader, str, str, Any], Any], name: str, kind: str, default: Any
) -> Any:
    match kind:
        case "float":
            return reader.number(name, default)
        case "int":
            value = reader.whole(name, default)
            return default if value is None else value
        case "int | None":
            return reader.whole(name, default)
    return read(reader, name, kind, default)


class TableReader:
    def __init__(self, table: Any, path: Path, *, problems: list[FieldProblem] | None = None) -> None:
        """
        Args:
            path: of the table in the document.
            problems: of the larger table that this one is in.
        """
        self.path = path
        self.problems: list[FieldProblem] = [] if problems is None else problems
        self._seen: set[str] = set()
        self._table: Mapping[str, Any] = _NOTHING
        if isinstance(table, Mapping):
            self._table = table
        else:
            self.wrong(None, Problem.TABLE)

    def __contains__(self, name: str) -> bool:
        return name in self._table

    @property
    def is_empty(self) -> bool:
        """Nothing is in it, or it is none."""
        return not self._table

    def wrong(self, name: str | None, problem: Problem | KindProblem, **facts: object) -> None:
        """This setting is wrong; None: the table is."""
        self.problems.append(FieldProblem(self.path if name is None else (*self.path, name), problem, facts))

    def is_right(self, name: str) -> bool:
        """Whether nothing is wrong with this setting so far."""
        return not any(each.path[: len(self.path) + 1] == (*self.path, name) for each in self.problems)

    def take(self, name: str, default: Any) -> Any:
        """Whatever is there; the caller checks it."""
        self._seen.add(name)
        return self._table.get(name, default)

    def text(self, name: str, default: str = "") -> str:
        value = self.take(name, default)
        if isinstance(value, str) and "\0" not in value:
            return value
        self.wrong(name, Problem.TEXT)
        return default

    def line(self, name: str, default: str = "") -> str:
        """A text that goes onto the wire: one line of printable characters."""
        value = self.text(name, default)
        if value and not value.isprintable():
            self.wrong(name, Problem.ONE_LINE)
            return default
        return value

    def needed(self, name: str, hint: Problem | KindProblem = Problem.NEEDED) -> str:
        """A line that must be there; `hint` says what to write."""
        value = self.take(name, _MISSING)
        if value is _MISSING or value == "":
            self.wrong(name, hint)
            return ""
        return self.line(name)

    def word(self, name: str, default: str) -> str:
        """A name of the PBX: of a context, an endpoint."""
        value = self.text(name, default)
        if not _WORD.fullmatch(value):
            self.wrong(name, Problem.WORD)
            return default
        return value

    def texts(self, name: str, default: Sequence[str] = ()) -> tuple[str, ...]:
        value = self.take(name, default)
        if isinstance(value, list | tuple) and all(isinstance(each, str) and each for each in value):
            return tuple(value)
        self.wrong(name, Problem.LIST, example='["a", "b"]')
        return tuple(default)

    def one_of(self, name: str, words: Sequence[str], default: str | None = None) -> str:
        value = self.take(name, default)
        if value in words:
            return str(value)
        self.wrong(name, Problem.ONE_OF, value=shortened(value), words=", ".join(words))
        return words[0]

    def flag(self, name: str, *, default: bool) -> bool:
        value = self.take(name, default)
        if isinstance(value, bool):
            return value
        self.wrong(name, Problem.FLAG)
        return default

    def port(self, name: str, usual: int, *, may_be_zero: bool = False) -> int:
        value = self.take(name, usual)
        if isinstance(value, int) and not isinstance(value, bool) and (0 if may_be_zero else 1) <= value <= 65535:
            return value
        self.wrong(name, Problem.PORT, usual=usual)
        return usual

    def whole(self, name: str, default: int | None) -> int | None:
        value = self.take(name, default)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        self.wrong(name, Problem.WHOLE_NUMBER)
        return default

    def number(self, name: str, default: float, *, least: float | None = None, most: float | None = None) -> float:
        """Both ends are within."""
        value = self.take(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.wrong(name, Problem.NUMBER)
            return default
        if least is not None and most is not None and not least <= value <= most:
            self.wrong(name, Problem.BETWEEN, least=least, most=most)
            return default
        return float(value)

    def pattern(self, name: str, default: str) -> str:
        """A regular expression."""
        value = self.text(name, default)
        try:
            re.compile(value)
        except (re.error, OverflowError, RecursionError) as exc:
            self.wrong(name, Problem.PATTERN, detail=shortened(str(exc)), example=default)
            return default
        return value

    def table(self, name: str) -> TableReader:
        return TableReader(self.take(name, _NOTHING), (*self.path, name), problems=self.problems)

    def no_more(self) -> None:
        """Whatever else is there is no setting."""
        self.problems += [unknown_key((*self.path, key), self._seen) for key in self._table if key not in self._seen]

    def finish(self) -> None:
        """Raises InvalidDocument: something is wrong."""
        if self.problems:
            raise InvalidDocument(self.problems)
