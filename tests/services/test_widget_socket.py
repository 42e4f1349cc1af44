"""The widget's WebSocket and requests over real HTTP: commands are confirmed, and late ones are refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from integration.domain.crm.entities import CrmCondition, CrmTrouble, EntityKind, EntityRef, Person
from integration.domain.ids import CallId
from integration.domain.numbers.numbering import DEFAULT_NUMBERING
from integration.errors import AuthFailed
from integration.ports.crm import WidgetUser
from integration.services.cluster.live_calls import LiveCalls
from integration.services.crm_entry import CrmEntry
from integration.services.frame_sessions import FrameSessions
from integration.services.offers import Offers
from integration.services.sightings import PageSightings
from integration.testing import FakePbx
from integration.web.errors import api_errors
from integration.web.widget import WidgetApi
from tests.services.conftest import (
    ACME,
    ANNA,
    BORIS,
    PBX,
    World,
    answered,
    call,
    ended,
    offered,
    started,
    unanswered,
)
from tests.services.dialling_scene import offers_of
from tests.services.own_lists_kit import desk_of_lists

PATIENCE = 10.0
Client = TestClient[web.Request, web.Application]


class Gate:
    """Implements `ports.WidgetGate`: the token is the manager's id."""

    def user(self, token: str) -> WidgetUser:
        if not token:
            raise AuthFailed("no token")
        return WidgetUser(account=ACME, manager=type(ANNA)(token))

    def allows_origin(self, origin: str) -> bool:
        return origin == "https://crm.example"


@dataclass
class Site:
    world: World
    client: Client
    offers: Offers

    async def page(self, manager: str) -> tuple[aiohttp.ClientWebSocketResponse, dict[str, Any]]:
        """A connected page and its snapshot."""
        headers = {"X-Auth-Token": manager, "Origin": "https://crm.example"}
        async with self.client.post("/api/widget/session", json={"protocol": 1}, headers=headers) as answer:
            ticket = (await answer.json())["ticket"]
        socket = await self.client.ws_connect(f"/api/widget/ws?ticket={ticket}", headers=headers)
        return socket, await said(socket)

    async def click(self, **body: Any) -> tuple[int, dict[str, Any]]:
        headers = {"X-Auth-Token": ANNA, "Origin": "https://crm.example"}
        async with self.client.post("/api/widget/call", json=body, headers=headers) as answer:
            return answer.status, await answer.json()


async def said(socket: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
    async with asyncio.timeout(PATIENCE):
        message: dict[str, Any] = await socket.receive_json()
        return message


async def no_consent(_: str) -> bool:
    return False


@pytest_asyncio.fixture
async def site(world: World) -> AsyncIterator[Site]:
    offers = offers_of(world, "this process")
    api = WidgetApi(
        accounts=world.accounts,
        gates={ACME: Gate()},
        live_calls=LiveCalls({ACME: {PBX: world.tracking}}, world.storage.calls),
        hub=world.hub,
        cards=world.cards,
        clicks=world.clicks,
        presses=world.presses,
        choices=world.choices,
        creations=world.creations,
        coordination=world.coordination,
        clock=world.clock,
        bind_consent=no_consent,
        connect_urls={ACME: "https://calls.test/admin/acme/connect"},
        sightings=PageSightings(world.storage.sightings, world.coordination, world.clock, world.news.tell),
        entry=CrmEntry(
            world.accounts,
            world.storage.administrators,
            world.storage.crm_ties,
            world.coordination,
            world.clock,
            office_of=lambda account: account,
        ),
        public_url="https://calls.test",
        may_be_crms=lambda _: False,
        frames=FrameSessions(world.coordination, world.clock),
        own_lists=desk_of_lists(world, asyncio.Event()),
        offers=offers,
    )
    app = web.Application(middlewares=[api.cors, api_errors])
    app.add_routes(api.routes())
    async with TestClient(TestServer(app)) as client:
        yield Site(world, client, offers)


async def ring(world: World, *extensions: str) -> None:
    now = world.clock.now()
    await world.emit(started(now), *(offered(now, extension) for extension in extensions))


async def test_a_press_is_confirmed_and_declines_at_ones_own_phone(site: Site) -> None:
    world = site.world
    await world.tracking.begin()
    await ring(world, "101", "102")
    socket, snapshot = await site.page(ANNA)
    assert (snapshot["command_seconds"], [c["state"] for c in snapshot["calls"]]) == (4.0, ["ringing"])
    press = {"type": "hang_up", "call": call(), "id": "p1", "seen": "ringing", "at": world.clock.now() - 3}
    await socket.send_json(press)
    assert await said(socket) == {"type": "received", "id": "p1"}
    await socket.send_json({"type": "ping"})
    assert await said(socket) == {"type": "pong", "now": world.clock.now()}
    assert (world.pbx.rejected, world.pbx.hung_up) == ([(call(), "101")], [])


@pytest.mark.parametrize("age", [4.1, 37.0, -4.1, float("nan")])
async def test_a_press_that_was_under_way_for_too_long_is_not_carried_out(site: Site, age: float) -> None:
    """It waited in a network that was away: since then the manager may have hung up, or talks to somebody else."""
    world = site.world
    await ring(world, "101")
    socket, _ = await site.page(ANNA)
    await socket.send_json({"type": "hang_up", "call": call(), "id": "p1", "at": world.clock.now() - age})
    told = await said(socket)
    assert (told["type"], told["code"]) == ("notice", "too_late")
    assert (world.pbx.rejected, world.pbx.hung_up) == ([], [])


async def test_a_page_of_an_earlier_release_that_says_no_moment_is_served(site: Site) -> None:
    await ring(site.world, "101")
    await site.world.emit(*answered(site.world.clock.now() + 1, "101"))
    pbx = WatchedPbx()
    site.world.account.set_pbxs([pbx])
    socket, _ = await site.page(ANNA)
    await socket.send_json({"type": "hang_up", "call": call()})
    async with asyncio.timeout(PATIENCE):
        await pbx.was_hung_up.wait()
    assert pbx.hung_up == [call()]


async def test_a_slow_pbx_does_not_keep_the_page_waiting_for_its_pong(site: Site) -> None:
    """Otherwise the page would give the connection up while the command runs."""
    await ring(site.world, "101")
    pbx = WatchedPbx()
    site.world.account.set_pbxs([pbx])
    socket, _ = await site.page(ANNA)
    await socket.send_json({"type": "hang_up", "call": call(), "id": "p1"})
    await socket.send_json({"type": "ping"})
    assert [(await said(socket))["type"] for _ in range(2)] == ["received", "pong"]
    pbx.may_reject.set()


class WatchedPbx(FakePbx):
    """Rejects only when a test allows it, and signals when it was asked to hang up."""

    def __init__(self) -> None:
        super().__init__(id=PBX)
        self.may_reject = asyncio.Event()
        self.was_hung_up = asyncio.Event()

    async def reject(self, call: CallId, extension: str) -> None:
        await self.may_reject.wait()

    async def hang_up(self, call: CallId, *, by: str | None = None) -> None:
        await super().hang_up(call, by=by)
        self.was_hung_up.set()


async def test_a_click_that_was_under_way_for_too_long_rings_nobody(site: Site) -> None:
    now = site.world.clock.now()
    request = {"number": "89161234567", "request": "7f3c1d52-0000-4000-8000-000000000001"}
    status, body = await site.click(**request, at=now - 10.5)
    assert (status, body["error"]["code"], site.world.pbx.clicks) == (409, "too_late", [])
    status, _ = await site.click(**request, at=now - 9)
    assert (status, len(site.world.pbx.clicks)) == (202, 1)


async def test_who_reconnects_sees_what_was_missed_a_minute_ago(site: Site) -> None:
    world = site.world
    now = world.clock.now()
    await ring(world, "101", "102")
    await world.emit(*answered(now + 2, "102"), unanswered(now + 2, "101"))
    world.clock.advance(30)
    results = {}
    for manager in (ANNA, BORIS):
        _, snapshot = await site.page(manager)
        results[manager] = [(c["state"], c["result"]) for c in snapshot["calls"]]
    assert results == {ANNA: [("ended", "answered_elsewhere")], BORIS: [("talking", None)]}
    world.clock.advance(40)
    await world.emit(ended(world.clock.now()))
    assert (await site.page(ANNA))[1]["calls"] == []
    assert [c["result"] for c in (await site.page(BORIS))[1]["calls"]] == ["answered"]


# ---- what is known of the CRM


@pytest.mark.parametrize(
    ("trouble", "crm"),
    [
        (None, "connected"),
        (CrmTrouble.NOT_CONNECTED, "reauth"),
        (CrmTrouble.NEEDS_CONSENT, "reauth"),
        (CrmTrouble.UNPAID, "unpaid"),
        (CrmTrouble.BLOCKED, "blocked"),
        (CrmTrouble.SLOWED, "slowed"),
        (CrmTrouble.AWAY, "offline"),
        (CrmTrouble.REFUSED, "offline"),
    ],
)
async def test_what_the_connector_knows_is_in_the_status_at_once(
    site: Site, trouble: CrmTrouble | None, crm: str
) -> None:
    site.world.pbx.is_connected = True
    site.world.crm.condition = CrmCondition(trouble=trouble, detail="in amoCRM's words")
    site.world.crm.all_managers[0] = replace(site.world.crm.all_managers[0], is_admin=True)
    await site.world.accounts.refresh_managers(site.world.account)
    for manager in (ANNA, BORIS):
        headers = {"X-Auth-Token": manager, "Origin": "https://crm.example"}
        async with site.client.get("/api/widget/status", headers=headers) as answer:
            told = await answer.json()
        assert told["crm"] == crm
        if trouble is None:
            assert told["problems"] == []
            continue
        [problem] = told["problems"]
        assert (problem["code"], problem["text"]) == (f"crm_{crm}", "in amoCRM's words")
        may_connect = crm == "reauth" and manager == ANNA
        assert problem.get("url") == ("https://calls.test/admin/acme/connect" if may_connect else None)


async def test_a_choice_of_the_client_is_confirmed_and_a_wrong_one_is_a_notice(site: Site) -> None:
    world = site.world
    maria = Person(ref=EntityRef(EntityKind.CONTACT, "56"), name="Мария", responsible=BORIS, phones=("+79161234567",))
    await world.storage.phone_book.put_persons(ACME, [maria], numbering=DEFAULT_NUMBERING)
    await world.tracking.begin()
    await ring(world, "101")
    socket, snapshot = await site.page(ANNA)
    assert [each["id"] for each in snapshot["calls"][0]["persons"]] == ["55", "56"]

    async def choose(person: Any) -> None:
        press = {"type": "choose_person", "call": call(), "id": "p1", "at": world.clock.now(), "person": person}
        await socket.send_json(press)
        assert await said(socket) == {"type": "received", "id": "p1"}

    await choose({"kind": "contact", "id": "56"})
    told = await said(socket)
    assert (told["type"], told["call"]["person"]["id"]) == ("call_updated", "56")
    hostile: list[Any] = [None, [], "56", {}, {"kind": "deal", "id": "9"}, {"kind": "contact", "id": 55}, {"kind": []}]
    for wrong in hostile:
        await choose(wrong)
        told = await said(socket)
        assert (told["type"], told["code"]) == ("notice", "not_this_number")


@pytest.mark.parametrize(
    "press",
    [
        {"action": "explode"},
        {"action": ["start"]},
        {"action": None},
        {},
        {"action": "skip"},
        {"action": "skip", "client": "1"},
        {"action": "skip", "client": True},
        {"action": "skip", "client": 2**40},
        {"action": "start", "client": 1},
        {"action": "remove", "client": -1},
    ],
)
async def test_a_press_on_the_panel_that_means_nothing_is_told_and_does_no_harm(
    site: Site, press: dict[str, Any]
) -> None:
    socket, _ = await site.page(ANNA)
    await socket.send_json({"type": "own_list", **press})
    told = await said(socket)
    assert (told["type"], told["code"]) == ("notice", "bad_request")
    await socket.send_json({"type": ["own_list"]})
    await socket.send_json({"type": "ping"})
    assert (await said(socket))["type"] == "pong"


async def test_a_page_asks_for_the_whole_list_and_its_presses_are_confirmed(site: Site) -> None:
    socket, snapshot = await site.page(ANNA)
    assert (snapshot["own_list"]["base"], snapshot["own_list"]["phase"]) == (None, "idle")
    await socket.send_json({"type": "own_list_read", "id": "p1", "at": site.world.clock.now()})
    assert await said(socket) == {"type": "received", "id": "p1"}
    assert await said(socket) == snapshot["own_list"]
    await socket.send_json({"type": "own_list", "action": "start", "client": None, "id": "p2"})
    assert await said(socket) == {"type": "received", "id": "p2"}
    told = await said(socket)
    assert (told["type"], told["why"], told["base"]) == ("own_list", "finished", 0), "nobody is in it"
