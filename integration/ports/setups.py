"""What the wizard keeps of an office that is being set up: half-filled forms, and which steps are done."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from integration.domain.ids import AccountId, Timestamp
from integration.domain.setup import Step

Answers = dict[str, str]
"""The fields of a form by their names, as they were typed. Secrets are not kept here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupState:
    """
    Attributes:
        name: of the office, as people call it.
        answers: of forms that are not saved yet.
        done: when each step was finished.
    """

    office: AccountId
    name: str = ""
    country: str = "RU"
    language: str = "ru"
    time_zone: str = ""
    flavour: str = ""  # what the administrator chose among the kinds of telephone systems
    answers: dict[Step, Answers] = field(default_factory=dict)
    done: dict[Step, Timestamp] = field(default_factory=dict)


class SetupStore(Protocol):
    """Errors: Unavailable."""

    async def all(self) -> list[SetupState]:
        """By office."""

    async def get(self, account: AccountId) -> SetupState | None:
        """`account`: the office's id."""

    async def begin(self, account: AccountId, state: SetupState) -> bool:
        """False: an office with this id is being set up already."""

    async def change(self, account: AccountId, **values: object) -> SetupState | None:
        """Set fields of the state, in a transaction. None: there is no such office."""

    async def keep(self, account: AccountId, step: Step, answers: Answers | None) -> None:
        """Keep a half-filled form; None: it was saved or given up."""

    async def finish(self, account: AccountId, step: Step) -> None: ...

    async def remove(self, account: AccountId) -> None: ...
