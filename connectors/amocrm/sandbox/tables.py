"""Records of one kind by id, and a generated population that needs no memory until one of its records is changed.

Records are plain dictionaries in the form of the API; this module does not interpret them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

Record = dict[str, Any]

FIRST_GENERATED = 10_000_000
FIRST_CREATED = 40_000_000  # ids of records that people and programs create; above all generated ids


def digits(text: object) -> str:
    return re.sub(r"\D", "", str(text))


def phones_of(record: Record) -> list[str]:
    """Values of the PHONE field as typed."""
    return [
        str(value.get("value") or "")
        for field in record.get("custom_fields_values") or []
        if field.get("field_code") == "PHONE"
        for value in field.get("values") or []
    ]


class Population:
    """`count` records that `make(index)` generates on demand; none was changed after `updated_until`."""

    def __init__(
        self, count: int, make: Callable[[int], Record], find: Callable[[str], int | None], updated_until: int
    ) -> None:
        self.count = count
        self.make = make
        self.find = find  # digits -> index of the record whose number ends with them
        self.updated_until = updated_until

    def __contains__(self, id_: int) -> bool:
        return FIRST_GENERATED <= id_ < FIRST_GENERATED + self.count


class Table:
    """Records ordered by id. An index of the last seven digits serves all three documented ways of phone matching."""

    def __init__(self) -> None:
        self._own: dict[int, Record] = {}
        self._gone: set[int] = set()
        self._by_tail: dict[str, set[int]] = {}
        self._tails_of: dict[int, set[str]] = {}
        self.population: Population | None = None

    def get(self, id_: int) -> Record | None:
        if id_ in self._own:
            return self._own[id_]
        if self.population is not None and id_ in self.population and id_ not in self._gone:
            return self.population.make(id_ - FIRST_GENERATED)
        return None

    def put(self, record: Record) -> None:
        self._unindex(record["id"])
        self._own[record["id"]] = record
        tails = self._tails_of[record["id"]] = {digits(phone)[-7:] for phone in phones_of(record)}
        for tail in tails:
            self._by_tail.setdefault(tail, set()).add(record["id"])

    def delete(self, id_: int) -> None:
        self._unindex(id_)
        self._own.pop(id_, None)
        if self.population is not None and id_ in self.population:
            self._gone.add(id_)

    def _unindex(self, id_: int) -> None:
        for tail in self._tails_of.pop(id_, ()):
            self._by_tail[tail].discard(id_)

    def __len__(self) -> int:
        if self.population is None:
            return len(self._own)
        overlaid = sum(1 for id_ in self._own if id_ in self.population)
        return len(self._own) - overlaid + self.population.count - len(self._gone)

    def __iter__(self) -> Iterator[Record]:
        return self.scan()

    def scan(self, start: int = 0) -> Iterator[Record]:
        """
        All records that are not hidden, by rising id, from the `start`-th on. Fast even for a large `start`.
        """
        own = [id_ for id_ in sorted(self._own) if not self._own[id_].get("hidden")]
        low = [id_ for id_ in own if id_ < FIRST_GENERATED]
        yield from (self._own[id_] for id_ in low[start:])
        start = max(0, start - len(low))
        if self.population is not None:
            ids: Iterator[int] = iter(range(FIRST_GENERATED, FIRST_GENERATED + self.population.count))
            if not self._gone:
                skipped = min(start, self.population.count)
                ids = iter(range(FIRST_GENERATED + skipped, FIRST_GENERATED + self.population.count))
                start -= skipped
            for id_ in ids:
                if id_ in self._gone:
                    continue
                if start:
                    start -= 1
                    continue
                record = self.get(id_)
                if record is not None:
                    yield record
        yield from islice((self._own[id_] for id_ in own if id_ >= FIRST_CREATED), start, None)

    def own(self) -> list[Record]:
        """The records that were seeded, created or changed, with hidden ones, without the untouched population."""
        return [self._own[id_] for id_ in sorted(self._own)]

    def search(self, query: str, text_of: Callable[[Record], str]) -> list[Record]:
        """
        Text search: records with `query` anywhere in their fields. In the untouched population it only searches
        numbers, by seven or more of their last digits.
        """
        needle = query.strip().lower()
        found = [record for record in self.own() if not record.get("hidden") and needle in text_of(record)]
        if self.population is not None and needle.isdigit() and len(needle) >= 7:
            index = self.population.find(needle)
            record = None if index is None else self.get(FIRST_GENERATED + index)
            if record is not None and record["id"] not in self._own:
                found.append(record)
        return found

    def by_phone(self, number: str, count: int) -> list[Record]:
        """
        Records with a number that has the same last `count` digits as `number`, oldest first. Hidden records (in an
        unaccepted unsorted lead) are not found.
        """
        tail = digits(number)[-count:]
        if len(tail) < count:
            return []
        found = [self._own[id_] for id_ in self._by_tail.get(tail[-7:], ())]
        if self.population is not None:
            index = self.population.find(tail)
            record = None if index is None else self.get(FIRST_GENERATED + index)
            if record is not None and record["id"] not in self._own:
                found.append(record)
        hits = [
            record
            for record in found
            if not record.get("hidden") and any(digits(phone)[-count:] == tail for phone in phones_of(record))
        ]
        return sorted(hits, key=lambda record: (record["created_at"], record["id"]))
