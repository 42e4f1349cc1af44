"""CRM objects of one kind by id, with an index of their phone numbers.

A number is found as its text, or (an older rule) by its normalised digits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from connectors.bitrix24.sandbox.crm_kinds import Record, phones_of


def digits(text: object) -> str:
    return re.sub(r"\D", "", str(text))


def normalised(number: str) -> str:
    """Digits as an older public copy of the code compares them: `7…` for eleven with an 8 in front, no leading 00."""
    plain = digits(number)
    if len(plain) == 11 and plain.startswith("8") and plain[1:2] not in ("0", "1", "2"):
        return f"7{plain[1:]}"
    return plain.removeprefix("00").removeprefix("011") or plain


class Table:
    """Records by rising id."""

    def __init__(self) -> None:
        self._records: dict[int, Record] = {}
        self._by_text: dict[str, set[int]] = {}
        self._by_digits: dict[str, set[int]] = {}

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[Record]:
        return iter(list(self._records.values()))

    def get(self, id_: int) -> Record | None:
        return self._records.get(id_)

    def put(self, record: Record) -> None:
        self._unindex(record["ID"])
        self._records[record["ID"]] = record
        for phone in phones_of(record):
            self._by_text.setdefault(phone.strip(), set()).add(record["ID"])
            self._by_digits.setdefault(normalised(phone), set()).add(record["ID"])

    def delete(self, id_: int) -> Record | None:
        self._unindex(id_)
        return self._records.pop(id_, None)

    def _unindex(self, id_: int) -> None:
        record = self._records.get(id_)
        for phone in phones_of(record) if record else ():
            self._by_text.get(phone.strip(), set()).discard(id_)
            self._by_digits.get(normalised(phone), set()).discard(id_)

    def by_phone(self, number: str, *, by_digits: bool) -> list[int]:
        """Ids of records with this number, oldest first."""
        if by_digits:
            return sorted(self._by_digits.get(normalised(number), ())) if digits(number) else []
        return sorted(self._by_text.get(number.strip(), ()))
