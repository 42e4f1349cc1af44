"""Our dataclasses as JSON text and back, by their type hints. No tables and no field names of ours here.

For rolling upgrades: a field that the reader does not know is ignored, one that is missing takes its default, and
`None` and empty collections are left out where they are the default. A change that an older reader would
misunderstand raises `FORMAT`; such a state is refused by older processes instead of being damaged. A new word of an
enum is such a change, unless a release that can read it goes out before the first that writes it.
"""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Callable, Hashable
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, TypeVar

from integration.errors import ProtocolError

T = TypeVar("T")

FORMAT = 1
_EMPTY: tuple[Any, ...] = (None, (), frozenset(), {})


def encode(value: Any) -> str:
    """JSON text of a dataclass, ASCII only, so that NULs and lone surrogates of hostile names are carried."""
    return json.dumps({"v": FORMAT} | _plain(value), separators=(",", ":"))


def decode(cls: type[T], text: str) -> T:
    """Raises: ProtocolError when the text was written by a newer, incompatible Dozvon, or is no such state."""
    data = json.loads(text)
    if data.get("v", FORMAT) > FORMAT:
        raise ProtocolError(f"A stored {cls.__name__} was written by a newer Dozvon; update this one.")
    try:
        value: T = _reader(typing.cast(Hashable, cls))(data)
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise ProtocolError(f"A stored {cls.__name__} cannot be read.") from exc
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, str | int | float) or value is None:
        return value  # a StrEnum is its word
    if is_dataclass(value):
        plain: dict[str, Any] = {}
        for name, default in _fields(typing.cast(Hashable, type(value))):
            content = getattr(value, name)
            if content in _EMPTY and content == default:
                continue
            plain[name] = _plain(content)
        return plain
    if isinstance(value, frozenset):
        return sorted(_plain(item) for item in value)
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    raise TypeError(f"cannot store a {type(value).__name__}")


@cache
def _fields(cls: Any) -> tuple[tuple[str, Any], ...]:
    """Names with their defaults; `MISSING` where there is none."""
    return tuple(
        (field.name, field.default_factory() if field.default_factory is not MISSING else field.default)
        for field in fields(cls)
    )


def _same(value: Any) -> Any:
    return value


@cache
def _reader(hint: Any) -> Callable[[Any], Any]:
    """A function that makes a value of this type from parsed JSON."""
    while hasattr(hint, "__supertype__"):  # NewType
        hint = hint.__supertype__
    origin = typing.get_origin(hint)
    arguments = typing.get_args(hint)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint
    if is_dataclass(hint):
        return _dataclass_reader(hint)  # type: ignore[arg-type]
    if origin in (typing.Union, types.UnionType):
        return _optional_reader(arguments)
    if origin in (tuple, frozenset):
        return _collection_reader(origin, _reader(arguments[0]))
    if origin is dict:
        return _dict_reader(_reader(arguments[1]))
    return _same


def _optional_reader(arguments: tuple[Any, ...]) -> Callable[[Any], Any]:
    (present,) = (argument for argument in arguments if argument is not type(None))
    read = _reader(present)
    return _same if read is _same else lambda value: None if value is None else read(value)


def _collection_reader(kind: Callable[[Any], Any], read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return kind if read is _same else lambda value: kind(map(read, value))


def _dict_reader(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return dict if read is _same else lambda value: {key: read(item) for key, item in value.items()}


def _dataclass_reader(cls: type[Any]) -> Callable[[Any], Any]:
    hints = typing.get_type_hints(cls)
    readers = {field.name: _reader(hints[field.name]) for field in fields(cls)}

    def read(data: dict[str, Any]) -> Any:
        return cls(**{name: readers[name](value) for name, value in data.items() if name in readers})

    return read
