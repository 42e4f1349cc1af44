"""Whatever administrators do to one office at once, with right and stale revisions: it equals a model of it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from integration.documents.problems import InvalidDocument
from integration.domain.ids import AccountId
from integration.domain.settings_changes import Author, AuthorKind
from integration.errors import NotFound
from integration.ports.offices import OfficeChangedMeanwhile, OfficeUndoRefused, Seen
from integration.process.config import Config
from integration.process.office_edits import OfficeEdits
from integration.storage import Storage, open_storage
from tests.databases import sqlite_url

PARTS = ("account/sales", "account/service", "pbx/branch")
T = TypeVar("T")
Parts = dict[str, dict[str, Any]]


@dataclass
class Place:
    """One database for all examples: each has its own office, since opening a database takes longer than one."""

    loop: asyncio.AbstractEventLoop
    storage: Storage


PLACE: list[Place] = []
NUMBERS = itertools.count()


@pytest.fixture(scope="module", autouse=True)
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder, loop = tmp_path_factory.mktemp("offices"), asyncio.new_event_loop()
    storage = loop.run_until_complete(open_storage(sqlite_url(folder), folder))
    PLACE.append(Place(loop, storage))
    yield
    PLACE.clear()
    loop.run_until_complete(storage.close())
    loop.close()


class TwoAdministrators(RuleBasedStateMachine):
    """
    The model: the parts after each revision, and which revision each undo took back. An administrator remembers the
    revision that they read last, and writes with it however much has happened since.
    """

    def __init__(self) -> None:
        super().__init__()
        [place] = PLACE
        self.loop, self.storage = place.loop, place.storage
        self.number = next(NUMBERS)
        self.office = AccountId(f"office{self.number}")
        self.edits = OfficeEdits(self.storage.offices, self.storage.settings, Config, lambda: None)
        self.history: list[Parts] = [{}]  # by revision
        self.undoes: dict[int, int] = {}
        self.read = [0, 0]  # by administrator

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def named(self, part: str) -> str:
        """Ids are given once in the installation."""
        return f"{part}{self.number}"

    @property
    def now(self) -> Parts:
        return self.history[-1]

    def look(self, who: int) -> None:
        self.read[who] = len(self.history) - 1

    @rule(
        who=st.integers(0, 1),
        part=st.sampled_from(PARTS),
        text=st.sampled_from("ab"),
        uses_branch=st.booleans(),
        looks=st.booleans(),
    )
    def put(self, who: int, part: str, text: str, uses_branch: bool, looks: bool) -> None:
        if looks:
            self.look(who)
        seen, document = (
            Seen(office=self.read[who]),
            _document(part, text, f"branch{self.number}" if uses_branch else ""),
        )
        is_fresh = seen.office == len(self.history) - 1
        wanted = {**self.now, part: _told(part, text, uses_branch)}
        try:
            written = self.run(self.edits.put(self.office, self.named(part), document, seen=seen, who=_author(who)))
        except OfficeChangedMeanwhile as exc:
            self._was_second(seen, exc)
            assert not is_fresh
        except InvalidDocument:
            assert is_fresh
            assert not _is_whole(wanted)
        else:
            assert is_fresh
            assert _is_whole(wanted)
            if wanted != self.now:
                self.history.append(wanted)
            assert written.office == len(self.history) - 1
            self.read[who] = written.office

    @rule(who=st.integers(0, 1), part=st.sampled_from(PARTS), looks=st.booleans())
    def remove(self, who: int, part: str, looks: bool) -> None:
        if looks:
            self.look(who)
        seen = Seen(office=self.read[who])
        is_fresh = seen.office == len(self.history) - 1
        left = {name: document for name, document in self.now.items() if name != part}
        try:
            written = self.run(self.edits.remove(self.office, self.named(part), seen=seen, who=_author(who)))
        except OfficeChangedMeanwhile as exc:
            self._was_second(seen, exc)
            assert not is_fresh
        except NotFound:
            assert part not in self.now
        except InvalidDocument:
            assert not _is_whole(left)
        else:
            assert is_fresh
            self.history.append(left)
            self.read[who] = written.office

    @rule(who=st.integers(0, 1), back=st.integers(0, 4))
    def undo(self, who: int, back: int) -> None:
        revision = len(self.history) - 1 - back
        if revision < 1:
            return
        before, after = self.history[revision - 1], self.history[revision]
        changed = {part for part in before.keys() | after.keys() if before.get(part) != after.get(part)}
        may = revision not in self._undone() and all(self.now.get(part) == after.get(part) for part in changed)
        wanted = {part: one for part, one in {**self.now, **{p: before.get(p) for p in changed}}.items() if one}
        try:
            written = self.run(self.edits.undo(self.office, revision, who=_author(who)))
        except OfficeUndoRefused:
            assert not may
        except InvalidDocument:
            assert may
            assert not _is_whole(wanted)
        else:
            assert may
            assert _is_whole(wanted)
            self.history.append(wanted)
            self.undoes[len(self.history) - 1] = revision
            assert written.office == len(self.history) - 1

    @invariant()
    def it_is_what_the_model_says(self) -> None:
        stored = self.run(self.storage.offices.get(self.office))
        assert stored.revision == len(self.history) - 1
        assert {part: _shown(stored.parts.get(self.named(part))) for part in PARTS} == {
            p: self.now.get(p) for p in PARTS
        }
        assert len(stored.parts) == len(self.now)
        changes = self.run(self.storage.offices.changes(self.office))
        assert [each.revision for each in changes] == list(range(len(self.history) - 1, 0, -1))

    def _was_second(self, seen: Seen, error: OfficeChangedMeanwhile) -> None:
        """Every change since, newest first, by the one who made it."""
        assert [each.revision for each in error.changes] == list(range(len(self.history) - 1, seen.office, -1))

    def _undone(self) -> set[int]:
        """What is taken back at present: an undo may be taken back itself."""
        found: set[int] = set()
        for revision in sorted(self.undoes, reverse=True):
            if revision not in found:
                found.add(self.undoes[revision])
        return found


def _author(who: int) -> Author:
    return Author(kind=AuthorKind.ADMINISTRATOR, session=f"{who}" * 6, address="192.0.2.1")


def _document(part: str, text: str, uses: str) -> dict[str, Any]:
    asterisk = {"host": f"{text}.example", "username": "dozvon", "secret": "s"}
    if part == "pbx/branch":
        return {"asterisk": asterisk}
    account = {"amocrm": {"client_id": text, "client_secret": "k"}, "asterisk": asterisk}
    return {**account, "pbxs": [uses]} if uses else account


def _told(part: str, text: str, uses_branch: bool) -> dict[str, Any]:
    return {"host": f"{text}.example", "uses_branch": uses_branch and part != "pbx/branch"}


def _shown(document: Any) -> dict[str, Any] | None:
    if document is None:
        return None
    return {"host": document["asterisk"]["host"], "uses_branch": bool(document.get("pbxs"))}


def _is_whole(parts: Parts) -> bool:
    """Accounts that use the branch need it."""
    return "pbx/branch" in parts or not any(each["uses_branch"] for each in parts.values())


TestTwoAdministrators = TwoAdministrators.TestCase
TestTwoAdministrators.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
