"""Whatever fails at any moment, storage or portal: the portal has each call finished once, and no card stays open."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from integration.domain.calls.call import HangupBy, LegResult
from integration.domain.calls.events import CallEnded, CallEvent, ClientReleased, LegAnswered, LegEnded, LegOffered
from integration.domain.ids import LegId, Timestamp
from integration.errors import Unavailable
from integration.ports.stores import OutboxState
from tests.services.conftest import STRANGER, answered, answered_call, call, ended, missed_call, offered, started
from tests.services.portal import PortalOffice, dialled, open_office, outgoing, talks
from tests.services.test_delivery import wav
from tests.services.test_failing_storage import Failing

_SECONDS, _STEP_SECONDS = 1800, 15.0

Parts = Sequence[Iterable[CallEvent]]
"""What the PBX says, in parts: each is delivered before the next."""

STORIES: dict[str, Callable[[float], Parts]] = {
    "a talk with a recording": lambda at: [
        (started(at), offered(at, "101"), offered(at, "102")),
        list(answered_call(at))[1:2],
        (*answered(at + 3, "102"), ended(at + 30)),
    ],
    "a stranger who is missed": lambda at: [missed_call(at, STRANGER)],
}


async def _deliver(office: PortalOffice) -> None:
    passed = 0.0
    is_empty = False
    while passed < _SECONDS and not is_empty:
        with suppress(Unavailable):  # `Delivery.run` tries again after a second
            await office.now(after=_STEP_SECONDS if passed else 1.0)
            is_empty = not await office.world.waiting()
        passed += _STEP_SECONDS


async def _wrong(office: PortalOffice, parts: Parts, failing: Failing) -> list[str]:
    """What is not as it should be after the story."""
    world = office.world
    world.pbx.files["in.wav"] = wav(0.1)
    for events in parts:
        await office.emit(*events)
        async with asyncio.timeout(30):
            while world.tracking.unsaved_steps:  # noqa: ASYNC110 - a busy machine stores the events a moment later
                await asyncio.sleep(0.01)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(world.storage.database, "read", failing.between(world.storage.database.read))
            patch.setattr(world.storage.database, "write", failing.between(world.storage.database.write))
            await _deliver(office)
    return await left_wrong(office)


async def left_wrong(office: PortalOffice) -> list[str]:
    """What an office with one call would complain of."""
    left = [f"{item.key} waits: {item.last_error}" for item in await office.world.waiting()]
    dead = [f"{key} is dead" for key in await office.world.in_state(OutboxState.DEAD)]
    rows = [f"finished {len(office.finished)} times"] if len(office.finished) != 1 else []
    cards = [f"open cards: {office.cards}"] if office.cards else []
    live = [f"not finished: {live.id}" for live in office.live]
    return [*left, *dead, *rows, *cards, *live]


@pytest.mark.parametrize("is_after", [False, True], ids=["before the request", "after the request"])
@pytest.mark.parametrize("name", STORIES)
async def test_a_database_that_fails_at_any_moment_doubles_and_loses_nothing(
    name: str, is_after: bool, tmp_path: Path
) -> None:
    wrong: dict[int, list[str]] = {}
    for first in itertools.count():
        failing = Failing(first, 1, is_after)
        folder = tmp_path / str(first)
        folder.mkdir()
        async with open_office(folder) as office:
            if found := await _wrong(office, STORIES[name](office.world.clock.now()), failing):
                wrong[first] = found
        if failing.asked <= first:
            break
    assert first > 5, "nothing was asked"
    assert not wrong


# ---- any order, any lost answers -------------------------------------------------------------------------------------

PHONES = ("101", "102")
step = st.one_of(
    st.tuples(st.just("ring"), st.sampled_from(PHONES)),
    st.tuples(st.just("answer"), st.sampled_from(PHONES)),
    st.tuples(st.just("end"), st.sampled_from(PHONES), st.sampled_from((LegResult.NOANSWER, LegResult.REJECTED))),
    st.tuples(st.just("transfer"), st.sampled_from(PHONES)),
    st.tuples(st.just("release")),
    st.tuples(st.just("pass"), st.sampled_from((0.2, 1.0, 20.0))),
)
PASSES = "slow"  # with no time: the request is carried out
fault = st.sampled_from((PASSES, PASSES, PASSES, "timeout_after_store", "drop", "html"))


class Told:
    """Turns steps into what a PBX says: each ringing is its own leg, and only a leg that exists changes."""

    def __init__(self, at: float) -> None:
        self._at = at
        self._legs: dict[str, LegId] = {}
        self._count = 0

    def events(self, what: Sequence[object]) -> list[CallEvent]:
        self._at += 1.0
        at = Timestamp(self._at)
        match what:
            case ("ring" | "transfer" as how, str(phone)):
                self._count += 1
                self._legs[phone] = LegId(f"{phone}-{self._count}")
                ring = offered(at, phone, via="transfer" if how == "transfer" else "direct")
                return [_on(ring, self._legs[phone])]
            case ("answer", str(phone)) if phone in self._legs:
                return [_on(each, self._legs[phone]) for each in answered(at, phone)]
            case ("end", str(phone), LegResult() as result) if phone in self._legs:
                return [LegEnded(call=call(), at=at, leg=self._legs[phone], result=result)]
            case ("release",):
                return [ClientReleased(call=call(), at=at)]
        return []


def _on(event: CallEvent, leg: LegId) -> CallEvent:
    return replace(event, leg=leg) if isinstance(event, LegOffered | LegAnswered) else event


async def _story(steps: Sequence[Sequence[object]], faults: Sequence[str], *, out: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with open_office(Path(folder)) as office:
            for kind in faults:
                await office.fault(kind, seconds=0.0, status=503)
            now = office.world.clock.now()
            told = Told(now)
            await office.emit(*((outgoing(now), dialled(now)) if out else (started(now),)))
            for what in steps:
                if what[0] == "pass":
                    await office.now(after=float(str(what[1])))
                else:
                    await office.emit(*told.events(what))
            if out:
                await office.emit(talks(now + 1, "101", with_="79161234567"))
            await office.emit(CallEnded(call=call(), at=office.world.clock.now(), hangup_by=HangupBy.CALLER))
            await office.world.deliver_with_pauses(_SECONDS * 2, step=_STEP_SECONDS)
            assert await left_wrong(office) == []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(step, max_size=14), faults=st.lists(fault, max_size=10), out=st.booleans())
def test_whatever_happens_in_whatever_order_the_call_is_finished_once_and_no_card_is_open(
    steps: list[tuple[object, ...]], faults: list[str], out: bool
) -> None:
    asyncio.run(_story(steps, faults, out=out))
