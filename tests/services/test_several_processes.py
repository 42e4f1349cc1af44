"""Messages between processes: commands to a PBX that another process is linked to, news, open pages, settings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from integration.domain.campaigns.reception import (
    Key,
    KeyMeaning,
    MachineAction,
    MachineCheck,
    Reception,
    VoiceMessage,
)
from integration.domain.connections.link import Link, LinkPhase
from integration.domain.ids import AccountId, CallId, Extension, PbxId, Timestamp, call_id
from integration.domain.reasons import Reason
from integration.domain.settings import Employee
from integration.errors import NotFound, OutcomeUnknown, Rejected, Unavailable
from integration.ports.pbx import CampaignCall, ClickToCall, FirstLeg, PbxEmployee
from integration.services.accounts import Account, Accounts
from integration.services.cluster import pbx_relay, peers
from integration.services.cluster.news import Others
from integration.services.cluster.pbx_messages import as_message
from integration.services.cluster.pbx_relay import PbxRelay, RelayedPbx
from integration.services.cluster.peers import News, Peers
from integration.services.ending import ended
from integration.services.hub import Hub
from integration.services.phone_book import PhoneBookMirror
from integration.storage.coordination.memory import InProcessCoordination
from integration.testing import PBX_ABILITIES, FakeClock, FakePbx, HandOver
from tests.services.conftest import ACME, ANNA, PBX, SOMEBODY, World

CLICK = ClickToCall(request_id="request-1", extension="101", number="+79161234567")
CALL = call_id(PBX, "1.0")


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - what is waited for comes by way of other tasks
            await asyncio.sleep(0.005)


@dataclass
class Process:
    peers: Peers
    relay: PbxRelay
    own: FakePbx
    pbx: RelayedPbx


@asynccontextmanager
async def process(coordination: InProcessCoordination, clock: FakeClock, name: str) -> AsyncIterator[Process]:
    own = FakePbx(id=PBX, extensions=[PbxEmployee(extension="101", name="Anna", is_registered=True)])
    others = Peers(coordination, name, lambda: {PBX: own.link} if own.link.phase is not LinkPhase.IDLE else {})
    relay = PbxRelay(coordination, name, others, clock)
    made = Process(others, relay, own, relay.relayed(own))
    tasks = [asyncio.create_task(work()) for work in (others.beat, others.listen, relay.run)]
    try:
        yield made
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@dataclass
class Two:
    """`holder` is linked to the PBX, `other` is not."""

    holder: Process
    other: Process
    clock: FakeClock
    coordination: InProcessCoordination


@pytest.fixture
async def two(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Two]:
    monkeypatch.setattr(peers, "_BEAT_SECONDS", 0.02)
    monkeypatch.setattr(peers, "_SILENT_SECONDS", 0.5)
    monkeypatch.setattr(pbx_relay, "_ANSWER_SECONDS", 0.5)
    coordination, clock = InProcessCoordination(), FakeClock()
    async with process(coordination, clock, "one") as holder, process(coordination, clock, "two") as other:
        holder.own.is_connected = True
        await until(lambda: other.pbx.is_connected)
        yield Two(holder, other, clock, coordination)


async def test_commands_are_carried_out_by_the_process_that_is_linked(two: Two) -> None:
    pbx, own = two.other.pbx, two.holder.own
    assert await pbx.click_to_call(CLICK) == call_id(PBX, "request-1")
    attempt = CampaignCall(
        attempt="attempt-1", number="79161112233", extension="102", first=FirstLeg.CLIENT, ring_seconds=25
    )
    assert await pbx.dial(attempt) == call_id(PBX, "attempt-1")
    assert own.dialled == [attempt]
    await pbx.redirect(CALL, "102")
    await pbx.hold(CALL, on=True)
    await pbx.hang_up(CALL)
    await pbx.reject(CALL, "102")
    assert own.clicks == [CLICK]
    assert own.rejected == [(CALL, "102")]
    assert [(redirect.call, redirect.extension) for redirect in own.redirects] == [(CALL, "102")]
    assert (own.held, own.hung_up) == ({CALL}, [CALL])
    assert await pbx.employees() == own.extensions
    assert two.other.own.clicks == []


async def test_what_a_client_meets_comes_whole_to_the_process_that_is_linked(two: Two) -> None:
    pbx, own = two.other.pbx, two.holder.own
    reception = Reception(
        announcement="sorry",
        check=MachineCheck(then=MachineAction.LEAVE_MESSAGE, message="later"),
        message=VoiceMessage(sound="hello", keys=(Key(key="1", meaning=KeyMeaning.HAND_OVER, extension="102"),)),
    )
    attempt = CampaignCall(
        attempt="a", number="79161112233", extension="", first=FirstLeg.CLIENT, ring_seconds=25, reception=reception
    )
    await pbx.dial(attempt)
    assert own.dialled == [attempt]
    await pbx.hand_over(CALL, "102", ring_seconds=9, answers_itself=True)
    assert own.hand_overs == [HandOver(CALL, "102", 9, answers_itself=True)]
    assert not {"reception", "answers_itself"} & as_message(replace(attempt, reception=None)).keys(), (
        "a process of the last release refuses it"
    )


async def test_a_phone_that_answers_by_itself_is_asked_to_by_way_of_another_process(two: Two) -> None:
    attempt = CampaignCall(
        attempt="a", number="79161112233", extension="102", first=FirstLeg.EMPLOYEE, ring_seconds=25,
        answers_itself=True,
    )  # fmt: skip
    await two.other.pbx.dial(attempt)
    assert two.holder.own.dialled == [attempt]


async def test_a_kind_of_pbx_that_cannot_let_a_client_wait_is_not_asked(two: Two) -> None:
    two.holder.own.abilities = replace(PBX_ABILITIES, receives=False)
    attempt = CampaignCall(
        attempt="a", number="79161112233", extension="", first=FirstLeg.CLIENT, ring_seconds=25, reception=Reception()
    )
    with pytest.raises(Rejected) as refused:
        await two.holder.pbx.dial(attempt)
    assert (refused.value.code, two.holder.own.dialled) == ("cannot_receive", [])


async def test_the_process_that_is_linked_asks_nobody(two: Two) -> None:
    await two.holder.pbx.click_to_call(CLICK)
    await two.holder.pbx.hang_up(CALL)
    await two.holder.pbx.reject(CALL, "102")
    await two.holder.pbx.redirect(CALL, "102")
    await two.holder.pbx.hold(CALL, on=True)
    assert len(two.holder.own.clicks) == 1
    assert await two.holder.pbx.employees() == two.holder.own.extensions


@pytest.mark.parametrize(
    "error",
    [Rejected("no such phone", code="bad_number"), NotFound("over", code="gone"), Unavailable("busy")],
    ids=["rejected", "not found", "unavailable"],
)
async def test_what_the_pbx_says_comes_back_as_it_was_said(two: Two, error: Rejected | Unavailable) -> None:
    two.holder.own.fail_next.append(error)
    with pytest.raises(type(error), match=str(error)) as caught:
        await two.other.pbx.hang_up(CALL)
    assert getattr(caught.value, "code", "") == getattr(error, "code", "")


async def test_without_a_link_a_click_is_refused_at_once(two: Two) -> None:
    two.holder.own.is_connected = False
    await until(lambda: not two.other.pbx.is_connected)
    with pytest.raises(Unavailable) as caught:
        await two.other.pbx.click_to_call(CLICK)
    assert not isinstance(caught.value, OutcomeUnknown)


AWAY = Link(
    phase=LinkPhase.WAITING,
    fault=Reason(code="login_refused", detail={"user": "dozvon"}),
    detail="in its words",
    next_try=Timestamp(1_700_000_060.0),
    since=Timestamp(1_700_000_000.0),
)


async def test_the_others_know_why_the_process_that_follows_a_pbx_has_no_link(two: Two) -> None:
    assert two.other.pbx.link == Link(phase=LinkPhase.UP)
    two.holder.own.is_connected, two.holder.own.away = False, AWAY
    assert two.holder.pbx.link == AWAY
    await until(lambda: two.other.pbx.link == AWAY)
    two.holder.own.is_connected = True
    await until(lambda: two.other.pbx.link.phase is LinkPhase.UP)
    two.holder.own.is_connected, two.holder.own.away = False, Link()
    await until(lambda: two.other.pbx.link == Link())


async def test_of_many_links_that_are_away_each_beat_tells_some(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message of every second must not grow with the number of offices."""
    monkeypatch.setattr(peers, "_BEAT_SECONDS", 0.01)
    monkeypatch.setattr(peers, "_AWAY_AT_ONCE", 3)
    names = [PbxId(f"pbx-{number}") for number in range(8)]
    coordination = InProcessCoordination()
    sizes: list[int] = []
    teller = Peers(coordination, "one", lambda: dict.fromkeys(names, AWAY))
    hearer = Peers(coordination, "two", dict)

    async def weigh() -> None:
        async for message in coordination.subscribe("processes"):
            sizes.append(len(message.get("away", {})))

    tasks = [asyncio.create_task(work()) for work in (weigh, teller.beat, hearer.listen)]
    try:
        await until(lambda: all(hearer.link(name) == AWAY for name in names))
        assert max(sizes) <= 3
    finally:
        await ended(tasks)


@pytest.mark.parametrize(
    "away",
    [None, [], {PBX: None}, {PBX: {"phase": "of tomorrow"}}, {PBX: {"phase": "waiting", "values": 7, "next_try": "x"}},
     {PBX: {"phase": "waiting", "next_try": float("nan"), "since": 1e300, "code": ["x"]}}],
)  # fmt: skip
async def test_what_another_release_says_of_links_harms_nobody(two: Two, away: Any) -> None:
    await two.coordination.publish("processes", {"process": "three", "links": [], "away": away})
    await two.coordination.publish("processes", {"process": "three", "links": ["pbx-of-three"]})
    await until(lambda: two.other.peers.is_linked(PbxId("pbx-of-three")))
    link = two.other.pbx.link
    assert (link.next_try, link.since) == (None, None)


async def test_a_command_that_was_asked_for_long_ago_is_not_carried_out(two: Two) -> None:
    asked = {"question": "1", "from": "three", "pbx": PBX, "command": "hang_up", "asked": {"call": CALL}}
    await two.coordination.publish("pbx", {**asked, "at": two.clock.now() - 60})
    await two.coordination.publish("pbx", {**asked, "asked": {}, "at": two.clock.now()})
    await two.coordination.publish("pbx", {**asked, "command": "explode", "at": two.clock.now()})
    await two.coordination.publish("pbx", {"nonsense": []})
    await two.other.pbx.hang_up(CallId(f"{PBX}:2.0"))
    assert two.holder.own.hung_up == [f"{PBX}:2.0"]


async def test_no_answer_is_no_refusal(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    """The call may be ringing, so the manager who clicked gets no refusal."""

    async def never(_: object, __: object) -> None:
        await asyncio.get_running_loop().create_future()

    monkeypatch.setitem(pbx_relay._COMMANDS, "click_to_call", never)
    with pytest.raises(OutcomeUnknown):
        await two.other.pbx.click_to_call(CLICK)


async def test_processes_are_counted_and_news_go_to_the_others_only(two: Two) -> None:
    heard: list[tuple[str, AccountId]] = []
    for name, each in (("holder", two.holder), ("other", two.other)):

        async def hear(account: AccountId, name: str = name) -> None:
            heard.append((name, account))
            raise Unavailable("the database is away")  # the next news still arrive

        each.peers.on(News.SETTINGS, hear)
    await until(lambda: two.other.peers.count == two.holder.peers.count == 2)
    await two.other.peers.tell(News.SETTINGS, ACME)
    await two.other.peers.tell(News.CRM, ACME)
    await two.other.peers.tell(News.SETTINGS, ACME)
    await until(lambda: heard == [("holder", ACME)] * 2)


@dataclass
class Connection:
    """To a CRM: `is_known` as long as nobody has told it to look again."""

    is_known: bool = True
    looked: int = 0

    def forget(self) -> None:
        self.is_known = False

    async def open(self) -> bool:
        self.looked += 1
        return self.is_known


@dataclass
class Member:
    account: Account
    connector: Connection


async def test_a_crm_that_has_withdrawn_its_consent_is_forgotten_by_all_processes(two: Two, world: World) -> None:
    """One of them was told. The others would go on with tokens that are deleted, and believe events by their key."""

    async def has_webhooks(_: Account) -> bool:
        return True

    connections = [Connection(), Connection()]
    keeper, told = (
        Others(
            each.peers,
            {world.account.id: Member(world.account, connection)},
            world.accounts,
            PhoneBookMirror(world.storage.phone_book, world.clock, has_webhooks),
            asyncio.Event(),
        )
        for each, connection in zip((two.holder, two.other), connections, strict=True)
    )
    assert list(keeper.tasks(frozenset(["web"])))  # these tasks receive; `two` listens for both
    await until(lambda: two.other.peers.count == two.holder.peers.count == 2)
    told.crm_disconnected(world.account.id)
    await until(lambda: connections[0].looked == 1)
    assert not connections[0].is_known
    assert connections[1].looked == 0, "it knows already"


async def test_a_phone_book_that_is_doubted_on_any_process_is_read_by_the_one_that_keeps_it(
    two: Two, world: World
) -> None:
    async def has_webhooks(_: Account) -> bool:
        return True

    mirrors = [PhoneBookMirror(world.storage.phone_book, world.clock, has_webhooks) for _ in range(2)]
    keeper, shown = (
        Others(each.peers, {}, world.accounts, mirror, asyncio.Event())
        for each, mirror in zip((two.holder, two.other), mirrors, strict=True)
    )
    assert list(keeper.tasks(frozenset(["worker"])))  # these tasks receive; `two` listens for both
    keeping = asyncio.create_task(mirrors[0].run(world.account))
    state = mirrors[0].state(ACME)
    await until(lambda: state.progress is not None and state.progress.unseen_since is None)
    world.crm.persons.clear()
    world.clock.advance(60)
    shown.read_anew(ACME)
    async with asyncio.timeout(30):
        while await world.storage.phone_book.has_persons(ACME):  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.005)
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)


class Silent(InProcessCoordination):
    """A Redis that accepts requests and does not answer."""

    async def publish(self, channel: str, *messages: dict[str, Any]) -> None:
        await asyncio.get_running_loop().create_future()


async def test_a_card_does_not_wait_for_redis_where_its_page_is() -> None:
    hub = Hub(Silent())
    page = hub.join(ACME, ANNA)
    sending = asyncio.create_task(hub.send(ACME, [ANNA], {"type": "call"}))
    async with asyncio.timeout(30):
        assert await page.messages.get() == {"type": "call"}
    await ended([sending])


async def test_a_message_comes_once_to_each_page_on_any_process(world: World) -> None:
    here, there = Hub(world.coordination), Hub(world.coordination)
    running = [asyncio.create_task(hub.run()) for hub in (here, there)]
    pages = [hub.join(ACME, ANNA) for hub in (here, there)]
    heard: list[list[object]] = [[], []]

    def listen() -> bool:
        """Whether both got the last message of each process."""
        for page, messages in zip(pages, heard, strict=True):
            while not page.messages.empty():
                messages.append((page.messages.get_nowait() or {})["n"])
        return all({"last of here", "last of there"} <= set(messages) for messages in heard)

    await asyncio.sleep(0)  # both subscribe
    for hub, name in ((here, "here"), (there, "there")):
        await hub.send(ACME, [ANNA], {"n": name})
        await hub.send(ACME, [ANNA], {"n": f"last of {name}"})
    await until(listen)
    for messages in heard:
        assert sorted(map(str, messages)) == ["here", "last of here", "last of there", "there"]
        assert messages.index("here") < messages.index("last of here")
        assert messages.index("there") < messages.index("last of there")
    await ended(running)


async def test_a_page_on_another_process_counts_as_open(world: World) -> None:
    elsewhere = Hub(world.coordination)
    keeping = asyncio.create_task(elsewhere.keep_present())
    assert not await world.hub.has_page(ACME, ANNA)
    elsewhere.join(ACME, ANNA)
    async with asyncio.timeout(30):
        while not await world.hub.has_page(ACME, ANNA):  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.005)
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)


async def test_settings_that_were_changed_on_one_process_are_not_undone_by_another(world: World) -> None:
    told: list[AccountId] = []

    async def tell(account: AccountId) -> None:
        told.append(account)

    others = Accounts(world.storage.settings, tell)
    there = await others.add(world.account.settings, world.crm, [world.pbx])
    people = [Employee(extension=Extension("105"), manager=ANNA)]
    await world.accounts.set_employees(world.account, people, who=SOMEBODY)
    await world.accounts.set_enabled(world.account, enabled=False, who=SOMEBODY)
    world.crm.all_managers[1] = replace(world.crm.all_managers[1], is_active=False)
    await others.refresh_managers(there)
    assert told == [ACME]
    for account, accounts in ((there, others), (world.account, world.accounts)):
        await accounts.reload(account)
        assert (account.settings.enabled, account.settings.employees) == (False, tuple(people))
        assert len(account.settings.inactive_managers) == 1
