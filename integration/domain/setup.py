"""The steps of setting an office up, and how far each is. Pure: the pages ask here what to show next."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from integration.domain.connections.state import ConnectionState
from integration.domain.ids import Timestamp


class Step(StrEnum):
    """In the order in which the wizard goes through them. The values are in addresses."""

    OFFICE = "office"
    ADDRESS = "address"
    PBX = "pbx"
    CRM = "crm"
    LINES = "lines"
    PEOPLE = "people"
    ROUTING = "routing"
    KEYS = "keys"
    REHEARSAL = "rehearsal"


class Mark(StrEnum):
    DONE = "done"
    OPEN = "open"  # nobody has finished it
    ATTENTION = "attention"  # it was finished, and something is wrong now
    WAITS = "waits"  # another step comes first


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """
    Attributes:
        done: when each step was finished.
        pbx: the state of the office's telephone system; None: there is none, or no account uses it yet.
        crm: that of its CRM; None: there is none.
        mapped: managers with an extension.
    """

    done: Mapping[Step, Timestamp]
    has_pbx: bool = False
    has_crm: bool = False
    pbx: ConnectionState | None = None
    crm: ConnectionState | None = None
    mapped: int = 0


_LETTERS = {
    "а": "a", "б": "b", "в": "v", "г": "g", "ґ": "g", "д": "d", "е": "e", "ё": "e", "є": "ie", "ж": "zh", "з": "z",
    "и": "i", "і": "i", "ї": "i", "й": "i", "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r",
    "с": "s", "т": "t", "у": "u", "ф": "f", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ъ": "",
    "ы": "y", "ь": "", "э": "e", "ю": "iu", "я": "ia",
}  # fmt: skip
_LONGEST_ID = 30  # characters; a number may follow


def office_id(name: str, taken: Collection[str]) -> str:
    """An id for an office of this name, for addresses: `Окна & Двери` is `okna-dveri`. None of `taken`."""
    latin = "".join(_LETTERS.get(letter, letter) for letter in unicodedata.normalize("NFC", name.lower()))
    plain = unicodedata.normalize("NFKD", latin).encode("ascii", "ignore").decode()
    base = "-".join(re.findall(r"[a-z0-9]+", plain))[:_LONGEST_ID].strip("-") or "office"
    return next(each for each in numbered(base) if each not in taken)


def numbered(base: str) -> Iterator[str]:
    """`base`, `base-2`, `base-3`, without an end."""
    yield base
    for number in itertools.count(2):
        yield f"{base}-{number}"


_NEEDS: Mapping[Step, tuple[Step, ...]] = {
    Step.CRM: (Step.PBX,),
    Step.LINES: (Step.CRM,),
    Step.PEOPLE: (Step.CRM,),
    Step.ROUTING: (Step.CRM,),
    Step.REHEARSAL: (Step.CRM,),
}
_OPTIONAL = frozenset({Step.KEYS})
"""Nobody is led there: calls need none of it."""


def marks(facts: Facts) -> dict[Step, Mark]:
    return {step: _mark(step, facts) for step in Step}


def next_step(facts: Facts, *, but: Collection[Step] = ()) -> Step | None:
    """
    The first one that a call needs, can be worked on, and is not done; None: all are.

    Args:
        but: steps that are not the reader's to take.
    """
    found = marks(facts)
    needed = (step for step in Step if step not in _OPTIONAL and step not in but)
    return next((step for step in needed if found[step] in (Mark.OPEN, Mark.ATTENTION)), None)


def _mark(step: Step, facts: Facts) -> Mark:
    has = {Step.PBX: facts.has_pbx, Step.CRM: facts.has_crm}
    if any(not has[needed] for needed in _NEEDS.get(step, ())):
        return Mark.WAITS
    state = {Step.PBX: facts.pbx, Step.CRM: facts.crm}.get(step)
    if step not in facts.done:
        return Mark.OPEN
    if state is not None and not state.is_in_order:
        return Mark.ATTENTION
    if step is Step.PEOPLE and not facts.mapped:
        return Mark.ATTENTION
    return Mark.DONE
