"""Asks the PBX many questions in one session, within a time, and keeps what it did not answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from integration.errors import NotFound, Rejected, Unavailable
from integration.ports.findings import Finding, warning
from pbx_adapter.asterisk.ami.client import PERMISSION_DENIED, AmiSession, text
from pbx_adapter.asterisk.ami.commands import question
from pbx_adapter.asterisk.ami.protocol import Frame
from pbx_adapter.asterisk.doctor import check_texts as about
from pbx_adapter.asterisk.doctor import texts as doctor_texts
from pbx_adapter.asterisk.flavours import product
from pbx_adapter.asterisk.settings import AsteriskSettings
from pbx_adapter.asterisk.setup import texts

_LIST_SECONDS = 15.0
_AT_ONCE = 20
T = TypeVar("T")


@dataclass(slots=True)
class Asking:
    """
    One survey's questions. Every method returns nothing where the PBX does not answer, and notes why.

    Attributes:
        seconds: for all questions together; later ones are not sent.
        refused: actions that our user may not send; `absent`: those that the PBX does not know.
        slow: actions without an answer in time; `cut`: lists that were longer than we read, with what was read.
    """

    session: AmiSession
    settings: AsteriskSettings
    seconds: float
    refused: list[str] = field(default_factory=list)
    absent: set[str] = field(default_factory=set)
    slow: list[str] = field(default_factory=list)
    cut: dict[str, int] = field(default_factory=dict)
    _began: float = field(default_factory=lambda: asyncio.get_running_loop().time())

    @property
    def left(self) -> float:
        """Seconds."""
        return self.seconds - (asyncio.get_running_loop().time() - self._began)

    async def rows(
        self, name: str, event: str = "", *, most: int, optional: bool = False, **headers: str
    ) -> list[Frame]:
        """
        The events of a list.

        Args:
            event: only those of this name.
            most: how many are kept.
            optional: a missing right is not worth a finding.

        Raises:
            Unavailable: the link is lost.
        """
        answer = await self._ask(name, is_list=True, most=most, optional=optional, headers=headers)
        if answer is None:
            return []
        _, rows = answer
        if len(rows) > most:  # the closing event comes on top
            self.cut[name] = most
        return [row for row in rows if not event or text(row, "Event") == event]

    async def one(self, name: str, *, optional: bool = False, **headers: str) -> Frame:
        """A single answer; empty if there is none. Raises: Unavailable (the link is lost)."""
        answer = await self._ask(name, is_list=False, most=0, optional=optional, headers=headers)
        return answer[0] if answer is not None else {}

    async def each(self, ask: Callable[[T], Awaitable[None]], about: Sequence[T]) -> None:
        """
        Ask the same about many, several questions at a time: over a slow network most of the time is waiting.

        Raises:
            Unavailable: the link is lost.
        """
        for start in range(0, len(about), _AT_ONCE):
            chunk = about[start : start + _AT_ONCE]
            for result in await asyncio.gather(*(ask(each) for each in chunk), return_exceptions=True):
                if isinstance(result, BaseException):
                    raise result

    async def _ask(
        self, name: str, *, is_list: bool, most: int, optional: bool, headers: dict[str, str]
    ) -> tuple[Frame, list[Frame]] | None:
        if name in self.absent or name in self.refused:
            return None
        if self.left <= 0:
            self._note(self.slow, name)
            return None
        wait = min(_LIST_SECONDS, self.left) if is_list else min(5.0, self.left)
        try:
            return await self.session.ask(question(name, is_list=is_list, **headers), timeout_seconds=wait, most=most)
        except NotFound:
            return None
        except Rejected as exc:
            if exc.code == PERMISSION_DENIED and not optional:
                self._note(self.refused, name)
            elif exc.code in (PERMISSION_DENIED, "unknown_action"):
                self.absent.add(name)
            return None
        except Unavailable:
            if self.session.is_lost:
                raise
            self._note(self.slow, name)
            return None

    def _note(self, names: list[str], name: str) -> None:
        if name not in names:
            names.append(name)

    def findings(self) -> list[Finding]:
        """What was not answered, each with what to change."""
        found = []
        user, file = self.settings.username, product(self.settings.flavour).manager_file
        for names, group in (
            ([n for n in self.refused if n in _OF_REPORTING], "reporting"),
            ([n for n in self.refused if n not in _OF_REPORTING], "system"),
        ):
            if names:
                says = texts.MAY_NOT_ASK(user=user, actions=", ".join(names))
                advice = doctor_texts.ADD_WRITE(group=group, section=user, file=file)
                found.append(warning(about.RIGHT(group=group), says, advice))
        if self.slow:
            says = texts.DID_NOT_ANSWER(actions=", ".join(self.slow))
            found.append(warning(about.CONNECTION, says, texts.TRY_AGAIN))
        for name, count in self.cut.items():
            says = texts.ONLY_THE_FIRST(count=count, actions=name)
            found.append(
                warning(about.CONTEXTS if name == "ShowDialPlan" else about.EMPLOYEES, says, texts.ENTER_THE_REST)
            )
        if {"PJSIPShowEndpoints", "SIPpeers"} <= self.absent:
            found.append(warning(about.MODULES, texts.NO_SIP, texts.LOAD_SIP))
        return found


_OF_REPORTING = frozenset({"ShowDialPlan", "CoreSettings", "Getvar", "CoreShowChannels"})
