"""What a page in a client's card shows of the calls, and which call of ours a CRM's card of a live call means."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from integration.domain.calls.events import CallEvent
from integration.domain.calls.ownership import live_call_id
from integration.domain.crm.entities import EntityKind, EntityRef, Person
from integration.domain.ids import ManagerId
from integration.domain.numbers.numbering import DEFAULT_NUMBERING
from integration.ports.crm import WidgetUser
from integration.services.accounts import Account
from integration.services.client_calls import ClientCalls, ClientCallService
from integration.services.cluster.live_calls import LiveCalls
from integration.services.crm_calls import CrmCalls
from integration.services.frame_sessions import FrameSessions
from integration.web.errors import api_errors
from integration.web.widget_client import WidgetClient
from tests.services import portal
from tests.services.conftest import (
    ACME,
    ANNA,
    CLIENT,
    DEAL,
    IVAN,
    PBX,
    STRANGER,
    World,
    answered_call,
    call,
    missed_call,
    offered,
    started,
)
from tests.services.portal import PortalOffice, open_office
from tests.services.test_delivery import wav

MARIA = Person(ref=EntityRef(EntityKind.CONTACT, "56"), name="Мария", responsible=None, phones=("+7 903 765-43-21",))


async def of(world: World, ref: EntityRef) -> ClientCalls:
    stored = world.storage
    service = ClientCallService(stored.phone_book, stored.calls, stored.outbox, stored.recordings)
    return await service.of(world.account, ref)


async def play(world: World, *events: CallEvent) -> None:
    await world.emit(*events)


async def test_a_client_s_calls_come_newest_first_and_only_this_client_s(world: World) -> None:
    now = world.clock.now()
    await play(world, *answered_call(now - 900, uniqueid="1.1"))
    await play(world, *missed_call(now - 600, uniqueid="1.2"))
    await play(world, *answered_call(now - 300, STRANGER, uniqueid="1.3"))
    await play(world, started(now - 10, uniqueid="1.4"))  # it goes on: it is no past call yet
    found = await of(world, IVAN.ref)
    assert [each.call.id for each in found.calls] == [call("1.2"), call("1.1")]
    assert found.phones == IVAN.phones
    assert not found.has_more


async def test_a_call_has_its_recording_as_soon_as_it_is_stored(world: World) -> None:
    now = world.clock.now()
    world.pbx.files["in.wav"] = wav()
    await play(world, *answered_call(now - 100))
    assert (await of(world, IVAN.ref)).calls[0].recording is None
    await world.deliver()
    recording = (await of(world, IVAN.ref)).calls[0].recording
    assert recording is not None
    stored = await world.storage.recordings.open(recording)
    assert stored is not None
    await asyncio.to_thread(Path(stored[0]).unlink)
    assert (await of(world, IVAN.ref)).calls[0].recording is None, "a deleted one has no player"


async def test_a_deal_has_the_calls_of_its_persons(world: World) -> None:
    await world.storage.phone_book.put_persons(ACME, [MARIA], numbering=DEFAULT_NUMBERING)
    world.crm.add(MARIA, replace(DEAL, persons=(IVAN.ref, MARIA.ref)))
    now = world.clock.now()
    await play(world, *answered_call(now - 500, uniqueid="1.1"))
    await play(world, *answered_call(now - 300, "79037654321", uniqueid="1.2"))
    found = await of(world, DEAL.ref)
    assert [each.call.id for each in found.calls] == [call("1.2"), call("1.1")]
    assert found.phones == (*IVAN.phones, *MARIA.phones)


@pytest.mark.parametrize("ref", [EntityRef(EntityKind.CONTACT, "404"), EntityRef(EntityKind.DEAL, "404")])
async def test_what_is_not_there_has_no_calls(world: World, ref: EntityRef) -> None:
    assert await of(world, ref) == ClientCalls(phones=(), calls=(), has_more=False)


async def test_one_who_is_not_in_the_phone_book_yet_is_asked_of_the_crm(world: World) -> None:
    world.crm.add(MARIA)
    await play(world, *answered_call(world.clock.now() - 300, "79037654321"))
    assert len((await of(world, MARIA.ref)).calls) == 1


async def test_the_newest_twenty_are_shown_and_that_there_are_more(world: World) -> None:
    now = world.clock.now()
    for number in range(21):
        await play(world, *missed_call(now - 5000 + number * 60, uniqueid=f"1.{number}"))
    found = await of(world, IVAN.ref)
    assert (len(found.calls), found.calls[0].call.id, found.has_more) == (20, call("1.20"), True)


# ---- as the page asks


@pytest_asyncio.fixture
async def site(world: World) -> AsyncIterator[tuple[World, FrameSessions, TestClient[Any, Any]]]:
    stored, sessions = world.storage, FrameSessions(world.coordination, world.clock)

    async def who(request: web.Request) -> tuple[WidgetUser, Account]:
        return (await sessions.session(request.headers.get("X-Auth-Token", ""))).user, world.account

    api = WidgetClient(
        ClientCallService(stored.phone_book, stored.calls, stored.outbox, stored.recordings),
        CrmCalls(LiveCalls({ACME: {PBX: world.tracking}}, stored.calls), stored.outbox, world.clock),
        sessions,
        who,
        public_url="https://calls.test",
    )
    app = web.Application(middlewares=[api_errors])
    app.add_routes(api.routes())
    async with TestClient(TestServer(app)) as client:
        yield world, sessions, client


async def test_the_page_gets_what_its_client_is_and_no_other(
    site: tuple[World, FrameSessions, TestClient[Any, Any]],
) -> None:
    world, sessions, client = site
    await play(world, *answered_call(world.clock.now() - 300))
    user = WidgetUser(account=ACME, manager=ANNA)
    token = await sessions.begin_for(user, IVAN.ref)
    # What is asked for besides changes nothing: the CRM has shown this client to this person.
    path = "/api/widget/client?kind=contact&id=56"
    async with client.get(path, headers={"X-Auth-Token": token}) as answer:
        said = await answer.json()
    assert answer.status == 200
    assert said["phones"] == [{"dial": "8 (916) 123-45-67", "number": "+7 916 123-45-67"}]
    (shown,) = said["calls"]
    assert (shown["direction"], shown["disposition"], shown["talk_seconds"]) == ("inbound", "answered", 57)
    assert (shown["number"], shown["by"], shown["record"]) == ("+7 916 123-45-67", "Анна Орлова", None)
    for wrong, status in ((await sessions.begin_for(user, None), 403), ("dzf_x", 401)):
        async with client.get("/api/widget/client", headers={"X-Auth-Token": wrong}) as answer:
            assert answer.status == status


# ---- which call


@pytest_asyncio.fixture
async def office(tmp_path: Path) -> AsyncIterator[PortalOffice]:
    async with open_office(tmp_path) as made:
        yield made


def crm_calls(office: PortalOffice) -> CrmCalls:
    world = office.world
    return CrmCalls(LiveCalls({ACME: {PBX: world.tracking}}, world.storage.calls), world.storage.outbox, world.clock)


async def test_a_registered_call_is_found_by_the_portals_id_by_whom_it_rings_at(office: PortalOffice) -> None:
    now = office.world.clock.now()
    await office.emit(started(now, CLIENT), offered(now, "101"))
    calls, account = crm_calls(office), office.world.account
    assert await calls.find(account, portal.ANNA, "externalCall.unknown") is None
    await office.now()
    (live,) = office.live
    assert await calls.find(account, portal.ANNA, live.id) == call()
    assert await calls.find(account, portal.BORIS, live.id) is None, "it does not ring at Boris"
    assert await calls.find(account, ManagerId("999"), live.id) is None
    assert await calls.find(account, portal.ANNA, "") is None


async def test_a_call_that_the_portal_began_is_found_before_anything_was_sent_to_it(office: PortalOffice) -> None:
    click = await portal.clicked(office)
    now = office.world.clock.now()
    (live,) = office.live
    await office.emit(portal.outgoing(now, crm_id=live_call_id(ACME, live.id)), portal.dialled(now))
    assert click.id == live.id
    assert await crm_calls(office).find(office.world.account, portal.ANNA, live.id) == call()
