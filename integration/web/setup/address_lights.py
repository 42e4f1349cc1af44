"""What was found out about the public address, and its sentences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum, auto

from integration.ports.findings import FindingLevel


class AddressTruth(StrEnum):
    """The comment names the facts that the sentence needs."""

    NAME_FOUND = auto()  # host, addresses
    NAME_UNKNOWN = auto()  # host
    ONLY_INSIDE = auto()  # host, addresses
    NOT_REACHED = auto()  # host, port, detail
    CERTIFICATE_GOOD = auto()  # until
    CERTIFICATE_ENDS = auto()  # until
    CERTIFICATE_BAD = auto()  # detail
    NO_TLS = auto()
    WE_ANSWER = auto()
    ANOTHER_ANSWERS = auto()  # status
    NO_ANSWER = auto()  # detail


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressLight:
    truth: AddressTruth
    level: FindingLevel
    facts: Mapping[str, object] = field(default_factory=dict)

    @property
    def about(self) -> str:
        """What was looked at: `name`, `certificate`, `dozvon`."""
        return _ABOUT[self.truth]


_ABOUT = {
    **dict.fromkeys((AddressTruth.NAME_FOUND, AddressTruth.NAME_UNKNOWN, AddressTruth.ONLY_INSIDE), "name"),
    **dict.fromkeys(
        (
            AddressTruth.NOT_REACHED,
            AddressTruth.CERTIFICATE_GOOD,
            AddressTruth.CERTIFICATE_ENDS,
            AddressTruth.CERTIFICATE_BAD,
            AddressTruth.NO_TLS,
        ),
        "certificate",
    ),
    **dict.fromkeys((AddressTruth.WE_ANSWER, AddressTruth.ANOTHER_ANSWERS, AddressTruth.NO_ANSWER), "dozvon"),
}
