"""A press in a card is decided by the process that follows the PBX: it knows the call as it is now."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from integration.domain.calls.call import Direction
from integration.domain.ids import AccountId, CallId
from integration.errors import NotFound, OutcomeUnknown, Unavailable
from integration.services.accounts import Account, Accounts
from integration.services.click import Refused
from integration.services.cluster import pbx_relay, peers
from integration.services.cluster.live_calls import LiveCalls
from integration.services.presses import Presses, answer_presses
from integration.storage.coordination.memory import InProcessCoordination
from integration.testing import FakePbx
from tests.services.conftest import ACME, ANNA, BORIS, IVAN, PBX, World, answered, call, ended, offered, started
from tests.services.test_several_processes import Process, process, until


@dataclass
class Elsewhere:
    """The page's process, and the one that follows the PBX. What the PBX was asked is in `pbx`."""

    world: World
    account: Account
    presses: Presses
    holder: Process

    @property
    def pbx(self) -> FakePbx:
        return self.holder.own

    def answers(self) -> None:
        """The process that follows the PBX is of this release."""
        live_calls = LiveCalls({ACME: {PBX: self.world.tracking}}, self.world.storage.calls)
        answer_presses(self.holder.relay, self.world.accounts, live_calls)


@asynccontextmanager
async def two_processes(world: World, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Elsewhere]:
    monkeypatch.setattr(peers, "_BEAT_SECONDS", 0.02)
    monkeypatch.setattr(pbx_relay, "_ANSWER_SECONDS", 2.0)
    coordination = InProcessCoordination()
    await world.tracking.begin()
    async with process(coordination, world.clock, "one") as holder, process(coordination, world.clock, "two") as page:
        holder.own.is_connected = True
        await until(lambda: page.pbx.is_connected)
        world.account.set_pbxs([holder.pbx])
        accounts = Accounts(world.storage.settings)
        account = await accounts.add(world.account.settings, world.crm, [page.pbx])
        stored_only = LiveCalls({}, world.storage.calls)
        yield Elsewhere(world, account, Presses(stored_only, world.cards, page.relay), holder)


@pytest.fixture
async def elsewhere(world: World, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Elsewhere]:
    async with two_processes(world, monkeypatch) as made:
        yield made


async def a_talk_that_is_not_stored_yet(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Anna talks; the database has the call as it rang, because it is behind."""
    now = world.clock.now()
    await world.emit(started(now), offered(now, "101"))

    async def away(*_: Any, **__: Any) -> None:
        raise Unavailable("the database is away")

    monkeypatch.setattr(world.storage.calls, "save", away)
    await world.emit(*answered(now + 3, "101"))


async def test_a_talk_that_began_a_moment_ago_is_ended_from_any_process(
    elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere.answers()
    await a_talk_that_is_not_stored_yet(elsewhere.world, monkeypatch)
    await elsewhere.presses.hang_up(elsewhere.account, ANNA, call())
    assert (elsewhere.pbx.hung_up, elsewhere.pbx.rejected) == ([call()], [])


async def test_declining_from_any_process_spares_a_talk_that_began_a_moment_ago(
    elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere.answers()
    await a_talk_that_is_not_stored_yet(elsewhere.world, monkeypatch)
    with pytest.raises(Refused) as caught:
        await elsewhere.presses.hang_up(elsewhere.account, ANNA, call(), only_ringing=True)
    assert caught.value.code == "already_answered"
    assert (elsewhere.pbx.hung_up, elsewhere.pbx.rejected) == ([], [])


async def test_an_extension_is_dialled_into_a_talk_that_began_a_moment_ago(
    elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere.answers()
    world = elsewhere.world
    shop = replace(IVAN, phones=("8 (495) 123-45-67 доб. 105",))
    await world.storage.phone_book.put_persons(ACME, [shop], numbering=world.account.settings.numbering)
    now = world.clock.now()
    dialled = replace(started(now, "101"), direction=Direction.OUTBOUND, called="74951234567")
    await world.emit(dialled)
    with pytest.raises(Refused) as caught:
        await elsewhere.presses.send_extension(elsewhere.account, ANNA, call())
    assert caught.value.code == "call_unknown", "the client has not answered"

    async def away(*_: Any, **__: Any) -> None:
        raise Unavailable("the database is away")

    monkeypatch.setattr(world.storage.calls, "save", away)
    await world.emit(*answered(now + 3, "101"))
    await elsewhere.presses.send_extension(elsewhere.account, ANNA, call())
    assert elsewhere.pbx.tones == [(call(), "105")]


@pytest.mark.parametrize(
    ("manager", "wanted", "code"),
    [(BORIS, call(), "call_unknown"), (ANNA, call("9.9"), "call_unknown"), (ANNA, CallId("x:1.0"), "call_unknown")],
    ids=["a colleague", "no such call", "no such PBX"],
)
async def test_refusals_come_back_as_they_were_said(
    elsewhere: Elsewhere, manager: Any, wanted: CallId, code: str
) -> None:
    elsewhere.answers()
    now = elsewhere.world.clock.now()
    await elsewhere.world.emit(started(now), offered(now, "101"))
    with pytest.raises(Refused) as caught:
        await elsewhere.presses.hang_up(elsewhere.account, manager, wanted)
    assert caught.value.code == code
    assert (elsewhere.pbx.hung_up, elsewhere.pbx.rejected) == ([], [])


async def test_what_the_pbx_says_comes_back_too(elsewhere: Elsewhere) -> None:
    elsewhere.answers()
    now = elsewhere.world.clock.now()
    await elsewhere.world.emit(started(now), offered(now, "101"))
    for error, code in (NotFound("rings no more"), "not_ringing"), (Unavailable("the link was lost"), "hang_up_failed"):
        elsewhere.pbx.fail_next.append(error)
        with pytest.raises(Refused) as caught:
            await elsewhere.presses.hang_up(elsewhere.account, ANNA, call())
        assert caught.value.code == code
    await elsewhere.world.emit(ended(now + 9))
    with pytest.raises(Refused) as caught:
        await elsewhere.presses.hang_up(elsewhere.account, ANNA, call())
    assert caught.value.code == "call_unknown"


async def test_a_process_of_the_release_before_is_asked_for_what_it_knows(elsewhere: Elsewhere) -> None:
    now = elsewhere.world.clock.now()
    await elsewhere.world.emit(started(now), offered(now, "101"))
    await elsewhere.presses.hang_up(elsewhere.account, ANNA, call())
    assert elsewhere.pbx.rejected == [(call(), "101")]


async def test_a_press_whose_answer_is_lost_is_not_carried_out_twice(
    elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere.answers()
    now = elsewhere.world.clock.now()
    await elsewhere.world.emit(started(now), offered(now, "101"))
    asked: list[str] = []

    async def lost(_: Any, command: str, __: Any) -> None:
        asked.append(command)
        raise OutcomeUnknown("no answer")

    monkeypatch.setattr(elsewhere.presses._relay, "ask", lost)
    with pytest.raises(Refused) as caught:
        await elsewhere.presses.hang_up(elsewhere.account, ANNA, call())
    assert (caught.value.code, asked) == ("hang_up_failed", ["press_hang_up"])


async def test_no_account_reaches_the_calls_of_another_ones_pbx(elsewhere: Elsewhere) -> None:
    elsewhere.answers()
    now = elsewhere.world.clock.now()
    await elsewhere.world.emit(started(now), offered(now, "101"))
    relay = elsewhere.presses._relay
    assert relay is not None
    asked = {"account": AccountId("other"), "manager": ANNA, "call": call(), "only_ringing": False}
    with pytest.raises(Unavailable):
        await relay.ask(PBX, "press_hang_up", asked)
    assert (elsewhere.pbx.hung_up, elsewhere.pbx.rejected) == ([], [])
