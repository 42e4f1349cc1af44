"""What the wizard keeps of an office that is being set up: half-filled forms, and which steps are done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from integration.domain.administrators import AdministratorId
from integration.domain.ids import AccountId, Timestamp
from integration.domain.line_watch import LineWatch
from integration.domain.rehearsal import Rehearsal
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
        watch: the last one that waited for a call; None: nobody has asked for one.
        rehearsal: the last one; None: there was none.
        test_contacts: the CRM's id of the contact into which rehearsals write, by account.
    """

    office: AccountId
    name: str = ""
    country: str = "RU"
    language: str = "ru"
    time_zone: str = ""
    form: str = ""  # which page began it: a form that is sent twice begins one office
    answers: dict[Step, Answers] = field(default_factory=dict)
    done: dict[Step, Timestamp] = field(default_factory=dict)
    watch: LineWatch | None = None
    rehearsal: Rehearsal | None = None
    test_contacts: dict[AccountId, str] = field(default_factory=dict)


class SetupStore(Protocol):
    """Errors: Unavailable."""

    async def all(self) -> list[SetupState]:
        """By office."""

    async def get(self, account: AccountId) -> SetupState | None:
        """`account`: the office's id."""

    async def begin(self, account: AccountId, state: SetupState, *, by: AdministratorId | None = None) -> bool:
        """
        False: an office with this id is being set up already.

        Args:
            by: an administrator of single offices gets the right to this one, in the same transaction.
        """

    async def change(self, account: AccountId, change: Callable[[SetupState], SetupState]) -> SetupState | None:
        """Change the state in a transaction; `change` is pure. None: there is no such office."""

    async def keep(self, account: AccountId, step: Step, answers: Answers | None) -> None:
        """Keep a half-filled form; None: it was saved or given up."""

    async def finish(self, account: AccountId, step: Step) -> None: ...

    async def remove(self, account: AccountId) -> None: ...
