"""Turns our dataclasses into JSON text and back, by their type hints. Knows no tables and no field names.

For rolling upgrades a reader ignores unknown fields, and a missing field takes its default. `None` and empty
collections are left out where they are the default. Raise `FORMAT` for a change that an older reader would
misunderstand: older processes then refuse the state instead of damaging it. A new enum member is a change of this
kind, unless a release that can read it comes out before the first release that writes it. A class whose stored form
has changed converts the old form in `upgraded(data)`. A field that was renamed keeps its stored name in its metadata
(`"stored"`): older processes, and states of years ago, know no other.
"""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Callable, Hashable
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, TypeVar

from integration.errors import ProtocolError

T = TypeVar("T")

FORMAT = 1
_to_text = json.JSONEncoder(separators=(",", ":")).encode
_EMPTY: tuple[Any, ...] = (None, (), frozenset(), {})


def encode(value: Any) -> str:
    """JSON text of a dataclass, in ASCII, so that NULs and lone surrogates in hostile names survive."""
    plain: dict[str, Any] = _writer(typing.cast(Hashable, type(value)))(value)
    plain["v"] = FORMAT
    return _to_text(plain)


def storable(text: str) -> str:
    """A text that every database accepts, for columns without JSON: characters that cannot be stored become U+FFFD."""
    return text.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def decode(cls: type[T], text: str) -> T:
    """Raises: ProtocolError if a newer, incompatible Dozvon wrote the text, or it is not a stored state."""
    try:
        data = json.loads(text)
        if data.get("v", FORMAT) <= FORMAT:
            value: T = _reader(typing.cast(Hashable, cls))(data)
            return value
    except (TypeError, ValueError, AttributeError) as exc:
        raise ProtocolError(f"A stored {cls.__name__} cannot be read.") from exc
    raise ProtocolError(f"A stored {cls.__name__} was written by a newer Dozvon; update this one.")


@cache
def _writer(hint: Any) -> Callable[[Any], Any]:
    """A function that turns a value of this type into something `json` can write. A StrEnum needs no change."""
    while hasattr(hint, "__supertype__"):  # NewType
        hint = hint.__supertype__
    origin = typing.get_origin(hint)
    arguments = typing.get_args(hint)
    if is_dataclass(hint):
        return _dataclass_writer(hint)
    if origin in (typing.Union, types.UnionType):
        return _optional(_writer(_present(arguments)))
    if origin is frozenset:
        return sorted
    if origin is tuple:
        return _list_writer(_writer(arguments[0]))
    if origin is dict:
        return _dict_of(_writer(arguments[1]))
    return _same


def _dataclass_writer(cls: Any) -> Callable[[Any], Any]:
    hints = typing.get_type_hints(cls)
    plan = [(name, stored, default, _writer(hints[name])) for name, stored, default in _fields(cls)]

    def write(value: Any) -> dict[str, Any]:
        plain = {}
        for name, stored, default, write_field in plan:
            content = getattr(value, name)
            if content or not (content in _EMPTY and content == default):
                plain[stored] = write_field(content)
        return plain

    return write


def _list_writer(write: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return _same if write is _same else lambda value: [write(item) for item in value]


def _fields(cls: Any) -> tuple[tuple[str, str, Any], ...]:
    """Field names, as in the class and as stored, with their defaults; `MISSING` for a field without one."""
    return tuple(
        (
            field.name,
            _stored_name(field),
            field.default_factory() if field.default_factory is not MISSING else field.default,
        )
        for field in fields(cls)
    )


def _stored_name(field: Field[Any]) -> str:
    return str(field.metadata.get("stored", field.name))


def _same(value: Any) -> Any:
    return value


@cache
def _reader(hint: Any) -> Callable[[Any], Any]:
    """A function that turns parsed JSON into a value of this type."""
    while hasattr(hint, "__supertype__"):  # NewType
        hint = hint.__supertype__
    origin = typing.get_origin(hint)
    arguments = typing.get_args(hint)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint
    if is_dataclass(hint):
        return _dataclass_reader(hint)
    if origin in (typing.Union, types.UnionType):
        return _optional(_reader(_present(arguments)))
    if origin in (tuple, frozenset):
        return _collection_reader(origin, _reader(arguments[0]))
    if origin is dict:
        return _dict_of(_reader(arguments[1]))
    return _same


def _present(arguments: tuple[Any, ...]) -> Any:
    (present,) = (argument for argument in arguments if argument is not type(None))
    return present


def _optional(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return _same if change is _same else lambda value: None if value is None else change(value)


def _collection_reader(kind: Callable[[Any], Any], read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return kind if read is _same else lambda value: kind(map(read, value))


def _dict_of(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return _same if change is _same else lambda value: {key: change(item) for key, item in value.items()}


def _dataclass_reader(cls: Any) -> Callable[[Any], Any]:
    hints = typing.get_type_hints(cls)
    readers = {_stored_name(field): (field.name, _reader(hints[field.name])) for field in fields(cls)}
    upgraded: Callable[[dict[str, Any]], dict[str, Any]] = getattr(cls, "upgraded", _same)

    def read(data: dict[str, Any]) -> Any:
        values = {}
        for stored, value in upgraded(data).items():
            if stored in readers:
                name, read_field = readers[stored]
                values[name] = value if read_field is _same else read_field(value)
        return cls(**values)

    return read
