"""Whatever comes together in one batch, each manager's page ends with the same card, and who was rung saw the call."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.domain.calls.call import Call
from integration.domain.calls.events import CallDescribed, CallEvent
from integration.domain.calls.together import Seen, told_together
from integration.domain.calls.tracking import Change, advance
from integration.domain.ids import AccountId, CallId, Extension, ManagerId, PbxId
from integration.domain.settings import AccountSettings, CardMoment, Employee, LineSettings
from integration.services.accounts import Account
from integration.services.card import CardService
from integration.services.hub import Hub
from integration.testing import FakeCrm, FakePbx
from pbx_adapter.asterisk.replay import events_of, read_lines
from tests.unit.test_tracking_any_events import MANY, START, streams
from tests.unit.trace_compare import TRACES

_OFFICE, _PBX = AccountId("office"), PbxId("pbx")
_EXTENSIONS = [*map(str, range(100, 130)), "7916"]
_UNSEEN = frozenset({Change.CORRECTED, Change.RECEIVED})  # no card follows from them alone
_Sent = list[tuple[ManagerId, dict[str, Any]]]


class _Pages:
    """A hub that keeps what it sends."""

    def __init__(self) -> None:
        self.sent: _Sent = []

    async def send(self, account: AccountId, managers: Iterable[ManagerId], message: dict[str, Any]) -> None:
        self.sent += [(manager, message) for manager in managers]

    async def send_each(
        self, account: AccountId, sendings: Iterable[tuple[Iterable[ManagerId], dict[str, Any]]]
    ) -> None:
        for managers, message in sendings:
            await self.send(account, managers, message)


class _Cards(CardService):
    """Without what is known of the client: it does not depend on the batches."""

    async def compose(self, account: Account, call: Call, known: Any = None) -> dict[str, Any]:
        return {"id": call.id, "direction": call.direction}


def _account(moment: CardMoment) -> Account:
    people = tuple(Employee(extension=Extension(each), manager=ManagerId(each)) for each in _EXTENSIONS)
    line = LineSettings(card=moment)
    return Account(AccountSettings(account=_OFFICE, employees=people, default_line=line), FakeCrm(), [FakePbx(id=_PBX)])


def _seen(events: Iterable[CallEvent]) -> list[Seen]:
    """A step for each event; one that nobody sees has no changes."""
    calls: dict[CallId, Call] = {}
    seen: list[Seen] = []
    for event in events:
        step = advance(calls.get(event.call), event, account=_OFFICE, pbx=_PBX)
        if step.call is not None:
            calls[event.call] = step.call
            seen.append((step.call, step.changes))
    return seen


def _batches(seen: Sequence[Seen], ends: Collection[int]) -> list[Seen]:
    told: list[Seen] = []
    batch: list[Seen] = []
    for number, step in enumerate(seen, 1):
        batch += [step] if step[1] else []
        if number in ends or number == len(seen):
            told += told_together(batch)
            batch = []
    return told


async def _shown(account: Account, told: Iterable[Seen]) -> _Sent:
    pages = _Pages()
    cards = _Cards(cast(Hub, pages), cast(Any, None), cast(Any, None), cast(Any, None))
    for call, changes in told:
        await cards.on_change(account, call, changes)
    return pages.sent


def _last(sent: _Sent) -> dict[tuple[ManagerId, str], dict[str, Any]]:
    """The card that each page is left with; none where it was taken away."""
    last = {(manager, message.get("id") or message["call"]["id"]): message.get("call") for manager, message in sent}
    return {key: card for key, card in last.items() if card is not None}


def _in_progress(sent: _Sent, states: Collection[str]) -> set[tuple[ManagerId, str]]:
    calls = [(manager, message["call"]) for manager, message in sent if "call" in message]
    return {(manager, call["id"]) for manager, call in calls if call["state"] in states}


async def _assert_alike(seen: list[Seen], ends: Collection[int], moment: CardMoment) -> None:
    account = _account(moment)
    one_by_one = await _shown(account, _batches(seen, range(len(seen) + 1)))
    together = await _shown(account, _batches(seen, ends))
    left, left_together = _last(one_by_one), _last(together)
    assert left_together == left
    assert len(together) <= len(one_by_one)
    # Whose phone rang, and who keeps a card: it was there before the end.
    begun = await _shown(account, [step for step in seen if step[1] & {Change.STARTED, Change.RINGING}])
    rang = _in_progress(begun, {"ringing"}) & left.keys()
    assert rang <= _in_progress(together, {"ringing", "talking"})


@given(streams, st.sets(st.integers(1, 30), max_size=6), st.sampled_from(CardMoment))
@MANY
async def test_cards_of_any_events(stream: list[CallEvent], ends: set[int], moment: CardMoment) -> None:
    """Without those that nobody is told of: together with others they are seen earlier."""
    seen = _seen([START, *(event for event in stream if not isinstance(event, CallDescribed))])
    await _assert_alike([(call, changes) for call, changes in seen if changes - _UNSEEN], ends, moment)


@pytest.mark.parametrize("trace", sorted(TRACES.glob("*.jsonl")), ids=lambda path: path.stem)
def test_cards_of_a_recorded_stream(trace: Path) -> None:
    seen = _seen(events_of(read_lines(trace.read_bytes().splitlines())))
    draw = random.Random(trace.stem)
    for moment in (CardMoment.RINGING, CardMoment.ANSWER):
        for size in (1, 2, 5, 20, len(seen)):
            ends = {number for number in range(len(seen)) if draw.random() < 1 / max(size, 1)}
            asyncio.run(_assert_alike(seen, ends, moment))
