"""The dialler killed at every single point: nobody is dialled twice for one attempt, nobody is lost, all is counted."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

import pytest

from integration.domain.campaigns.callbacks import CallbackKind, campaign_of
from integration.domain.campaigns.model import AttemptState, Entry, EntryState, Mode, Outcome
from integration.domain.ids import CallId, CampaignId, EntryId, Extension, ManagerId, Timestamp
from integration.domain.settings import AccountSettings, Employee, LineSettings
from integration.ports.callbacks import Asked, NewCallback
from integration.ports.campaigns import EntryQuery
from integration.ports.coordination import Coordination
from integration.ports.pbx import CampaignCall
from integration.services.accounts import Account
from integration.services.hub import Hub
from integration.services.offers import Decided, OfferPress
from integration.services.tracking import CallTracking
from integration.storage import Storage, open_coordination
from integration.testing import FakeClock, FakeCrm, FakePbx
from tests.services.conftest import ACME, World
from tests.services.dialling_scene import MOSCOW, PLAN, Phones, Scene, number, somebody

_ROUNDS = 30
_ROUNDS_OF_CALLBACKS = 75  # all wait for one responsible, also while what came of a lost call is not known
_EFFECTS = (
    ("attempts", "write"), ("attempts", "sent"), ("attempts", "end"), ("entries", "defer"), ("entries", "close"),
    ("dialling", "put"), ("campaigns", "set_state"), ("callbacks", "put_off"),
)  # fmt: skip
_LEAST_POINTS_OF_CALLBACKS = 30
_LEAST_POINTS_OF_OFFERS = 12
_LEAST_POINTS = 40  # of the list below: a dialler that writes less often does something else


class Killed(BaseException):
    """The process is gone: nothing of it goes on."""


@dataclass
class Killer:
    """Kills at the `at`-th point: even ones are before an effect, odd ones between it and its answer."""

    at: int = -1
    passed: int = 0
    is_dead: bool = False

    def arm(self, at: int) -> None:
        self.at, self.passed, self.is_dead = at, 0, False

    def watch(self, monkeypatch: pytest.MonkeyPatch, kind: type, name: str) -> None:
        act: Callable[..., Awaitable[Any]] = getattr(kind, name)

        async def acted(*given: Any, **named: Any) -> Any:
            self._point()
            result = await act(*given, **named)
            self._point()
            return result

        monkeypatch.setattr(kind, name, acted)

    def _point(self) -> None:
        if self.passed == self.at:
            self.is_dead = True
        self.passed += 1
        if self.is_dead:
            raise Killed


@dataclass
class Place:
    """What a scene needs of a `World`, on the database of the test."""

    storage: Storage
    clock: FakeClock
    pbx: FakePbx
    account: Account
    tracking: CallTracking
    coordination: Coordination
    hub: Hub


def a_scene(storage: Storage, clock: FakeClock) -> Scene:
    pbx = FakePbx(is_connected=True)
    people = tuple(Employee(extension=Extension(each), manager=ManagerId(each)) for each in ("101", "102"))
    account = Account(AccountSettings(account=ACME, employees=people), FakeCrm(), [pbx])
    tracking = CallTracking(account, pbx.id, storage.calls, clock, [], asyncio.Event())
    coordination = open_coordination(None)
    place = Place(storage, clock, pbx, account, tracking, coordination, Hub(coordination))
    return Scene(cast(World, place), Phones(cast(World, place)))


async def play(
    scene: Scene,
    campaign: CampaignId,
    base: int,
    killer: Killer,
    *,
    rounds: int = _ROUNDS,
    decided: Callable[[], Awaitable[bool]] | None = None,
) -> Counter[str]:
    """
    Dial a list to its end; a new process goes on when one was killed. The PBX shows a call only after the next step, so
    that a process looks for calls that nobody sees yet. Returns how often each number rang.

    `decided`: what employees do between two steps with the clients whom they are shown; False: nobody is shown.
    """
    rang: Counter[str] = Counter()
    unseen: list[CampaignCall] = []
    played: set[str] = set()
    talks: list[CallId] = []
    for _ in range(rounds):
        try:
            await scene.step(after=4.0)
        except Killed:
            killer.arm(-1)
            scene.new_process()
            await scene.take(campaign)
        for call in talks:
            await scene.phones.hang_up(call)
        talks.clear()
        for each in unseen:
            rang[each.number] += 1
            talks += await answer(scene.phones, each, base)
        unseen = [each for each in scene.world.pbx.dialled if each.attempt not in played]
        assert len({each.attempt for each in unseen}) == len(unseen), "one attempt was dialled twice"
        played |= {each.attempt for each in unseen}
        looks = decided is not None and await decided()
        if not looks and not talks and not unseen and await is_over(scene, campaign):
            break
    return rang


async def answer(phones: Phones, asked: CampaignCall, base: int) -> list[CallId]:
    """The second client and the third one's first number are busy, the others talk."""
    if asked.number in (number(base + 1), number(base + 2)):
        await phones.busy(asked)
        return []
    return [await phones.talk(asked)]


async def is_over(scene: Scene, campaign: CampaignId) -> bool:
    """Nothing is on its way, and whoever was not reached is tried again much later."""
    if await scene.world.storage.attempts.under_way(ACME, campaign):
        return False
    soon = scene.world.clock.now() + 60
    still_open = EntryQuery(states=(EntryState.OPEN,))
    left = [each.entry for each in await scene.world.storage.entries.listing(ACME, campaign, still_open)]
    return all(each.due_at is not None and each.due_at > soon for each in left)


async def check(scene: Scene, campaign: CampaignId, rang: Counter[str]) -> None:
    attempts = await scene.attempts(campaign)
    assert {each.state for each in attempts} == {AttemptState.ENDED}, "an attempt was left behind"
    counted = Counter(each.number for each in attempts if each.outcome is not Outcome.NOT_DIALLED)
    assert not rang - counted, "somebody rang without being counted"
    for entry in await scene.entries(campaign):
        assert entry.state is EntryState.REACHED or entry.due_at is not None, "somebody is lost"
    figures = (await scene.world.storage.campaigns.counts(ACME))[campaign]
    assert sum(figures.outcomes.values()) == len(attempts), "an outcome was counted twice, or not at all"


@pytest.mark.timeout(600)  # a campaign is dialled some fifty times: ten seconds of a core that others want, too
async def test_whenever_it_is_killed_another_process_goes_on(
    storage: Storage, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    killer, point = Killer(), 0
    for store, name in _EFFECTS:
        killer.watch(monkeypatch, type(getattr(storage, store)), name)
    for name in ("dial", "hang_up"):
        killer.watch(monkeypatch, FakePbx, name)
    while True:
        scene, campaign, base = a_scene(storage, clock), CampaignId(f"killed-{point}"), point * 10
        clients = somebody(base), somebody(base + 1), somebody(base + 2, base + 3)
        killer.arm(-1)  # the campaign is made in peace
        await scene.start(*clients, campaign=campaign, wrap_up_seconds=0, gap_minutes=0)
        killer.arm(point)
        rang = await play(scene, campaign, base, killer)
        await check(scene, campaign, rang)
        if killer.at >= 0:  # the run was shorter than that
            break
        point += 1
    assert point >= _LEAST_POINTS


# ---- clients who are shown first


@pytest.mark.timeout(400)
async def test_killed_at_any_point_a_client_who_is_shown_is_dialled_only_when_somebody_pressed_call(
    storage: Storage, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first client talks, the second is busy. The employee presses "Call" once for each client they are shown."""
    killer, point = Killer(), 0
    for store, name in _EFFECTS:
        killer.watch(monkeypatch, type(getattr(storage, store)), name)
    killer.watch(monkeypatch, FakePbx, "dial")
    while True:
        scene, campaign, base = a_scene(storage, clock), CampaignId(f"shown-{point}"), point * 10
        scene.world.hub.join(ACME, ManagerId("101"))
        killer.arm(-1)
        plan = replace(PLAN, mode=Mode.PREVIEW, employees=("101",), wrap_up_seconds=0, gap_minutes=0)
        await scene.start(somebody(base), somebody(base + 1), campaign=campaign, plan=plan)
        killer.arm(point)
        presses: Counter[str] = Counter()
        rang = await play(scene, campaign, base, killer, decided=partial(call_all, scene, campaign, presses))
        assert not rang - presses, "somebody was dialled whom nobody wanted to call"
        await check(scene, campaign, rang)
        if killer.at >= 0:  # the run was shorter than that
            break
        point += 1
    assert point >= _LEAST_POINTS_OF_OFFERS


async def call_all(scene: Scene, campaign: CampaignId, presses: Counter[str]) -> bool:
    """The employee wants to call whomever they are shown."""
    me = ManagerId("101")
    offer = (await scene.offers.shown(scene.world.account, me))["offer"]
    if offer is None:
        return False
    entry = EntryId(offer["entry"])
    (wanted,) = [each for each in await scene.entries(campaign) if each.id == entry]
    presses[wanted.numbers[0].e164] += 1
    press = OfferPress(account=scene.world.account.id, manager=me, campaign=campaign, action=Decided.CALL, entry=entry)
    await scene.offers.press(scene.world.account, press)
    return True


# ---- callbacks


def calls_back(scene: Scene) -> None:
    """All lines call back, around the clock, and 102 stands in for a responsible who is not at work."""
    line = LineSettings(
        repeat_calls=True,
        repeat_interval_seconds=600,
        repeat_hours="00:00-24:00",
        repeat_weekend_hours="00:00-24:00",
        missed_responsible=ManagerId("102"),
    )
    account = scene.world.account
    account.settings = replace(account.settings, default_line=line)


async def missed(scene: Scene, *clients: int) -> CampaignId:
    """Calls of these clients were missed, so long ago that they are called back now."""
    now = scene.world.clock.now()
    for client in clients:
        wanted = NewCallback(
            call=CallId(f"pbx:missed-{client}"),
            kind=CallbackKind.MISSED,
            campaign=campaign_of(None),
            campaign_name="Перезвоны",
            number=number(client),
            zones=(MOSCOW,),
            asked_at=Timestamp(now - 600),
            due_at=now,
            responsible=ManagerId("101"),
        )
        assert await scene.world.storage.callbacks.ask(ACME, wanted, office=ACME) is Asked.TAKEN
    return campaign_of(None)


@pytest.mark.timeout(400)  # each point is a whole list with its intervals
async def test_callbacks_go_on_in_another_process_whenever_one_is_killed(
    storage: Storage, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first client talks, the next two are busy and wait for their interval. The fourth is not to be called."""
    killer, point = Killer(), 0
    for store, name in _EFFECTS:
        killer.watch(monkeypatch, type(getattr(storage, store)), name)
    for name in ("dial", "hang_up"):
        killer.watch(monkeypatch, FakePbx, name)
    while True:
        scene, base = a_scene(storage, clock), point * 10
        calls_back(scene)
        killer.arm(-1)
        campaign = await missed(scene, base, base + 1, base + 2, base + 3)
        await storage.do_not_call.add(ACME, [number(base + 3)], lists_of=[], by="Ольга", why="просил")
        scene.new_process()
        await scene.take(campaign)
        killer.arm(point)
        rang = await play(scene, campaign, base, killer, rounds=_ROUNDS_OF_CALLBACKS)
        await check_callbacks(scene, campaign, base, rang)
        if killer.at >= 0:  # the run was shorter than that
            break
        point += 1
        await forget(scene)
    assert point >= _LEAST_POINTS_OF_CALLBACKS


async def check_callbacks(scene: Scene, campaign: CampaignId, base: int, rang: Counter[str]) -> None:
    """Everybody has an outcome, or a moment in an interval's time."""
    own = {number(base + each): each for each in range(4)}
    attempts = [each for each in await scene.attempts(campaign) if each.number in own]
    assert {each.state for each in attempts} == {AttemptState.ENDED}, "an attempt was left behind"
    counted = Counter(each.number for each in attempts if each.outcome is not Outcome.NOT_DIALLED)
    assert not rang - counted, "somebody rang without being counted"
    assert number(base + 3) not in rang
    found = [await _entry(scene, campaign, each) for each in own]
    assert all(each.state is not EntryState.OPEN or each.due_at is not None for each in found)
    first, *busy, not_called = [each.state for each in found]
    assert first in (EntryState.REACHED, EntryState.OPEN)  # open: what came of the call is unknown
    assert busy == [EntryState.OPEN] * 2
    assert not_called is EntryState.DO_NOT_CALL


async def _entry(scene: Scene, campaign: CampaignId, wanted: str) -> Entry:
    (found,) = await scene.world.storage.entries.listing(ACME, campaign, EntryQuery(number=wanted))
    return found.entry


async def forget(scene: Scene) -> None:
    """The next round is about other clients."""
    for each in await scene.world.storage.callbacks.waiting(ACME):
        assert await scene.world.storage.callbacks.cancel(ACME, each.entry.id, by="Ольга")
