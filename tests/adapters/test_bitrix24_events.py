"""Bitrix24's events: posted to us, or kept until we ask for them. A kill between reading and clearing loses nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from connectors.bitrix24 import webhooks
from connectors.bitrix24.offline import OfflineEvents, event_of
from connectors.bitrix24.sandbox import brackets
from connectors.bitrix24.sandbox.portal import Author, Change
from connectors.bitrix24.settings import Bitrix24Settings
from connectors.bitrix24.webhooks import CLICK_EVENTS, CRM_EVENTS, Event
from integration.domain.crm.entities import EntityDeleted, EntityKind, EntityRef, Person, PersonChanged
from integration.errors import Rejected, Unavailable
from integration.ports.crm_requests import ClickRequested
from tests.adapters.bitrix24_connector_kit import PORTAL, OurSide, our_side
from tests.adapters.bitrix24_sandbox_kit import running_sandbox
from tests.lab.waiting import until


@pytest.fixture
async def side() -> AsyncIterator[OurSide]:
    async with running_sandbox() as bitrix, our_side(bitrix) as made:
        await connect(made)
        yield made


@pytest.fixture
async def behind_a_wall() -> AsyncIterator[OurSide]:
    """Our server as the portal cannot reach it."""
    async with running_sandbox() as bitrix, our_side(bitrix, events="asking") as made:
        await connect(made)
        assert await made.connector.ensure_webhooks(made.events_url)
        yield made


async def connect(side: OurSide) -> None:
    pair = await side.bitrix.control("tokens")
    auth = {
        **pair,
        "member_id": side.bitrix.portal.member_id,
        "application_token": side.bitrix.install.application_token,
    }
    status, text = await side.post(side.install_url, dict(brackets.flatten({"event": "ONAPPINSTALL", "auth": auth})))
    assert (status, text) == (200, "ok")


async def add_contact(side: OurSide, name: str = "Анна") -> EntityRef:
    """In the portal, as a person does it."""
    result = await side.bitrix.ok("crm.item.add", {"entityTypeId": 3, "fields": {"name": name}})
    ref = EntityRef(EntityKind.CONTACT, str(result["item"]["id"]))
    side.connector.crm.add(Person(ref=ref, name=name, responsible=None))  # type: ignore[attr-defined]
    return ref


async def delete_contact(side: OurSide, ref: EntityRef) -> None:
    await side.bitrix.ok("crm.item.delete", {"entityTypeId": 3, "id": int(ref.id)})


def refs(side: OurSide) -> list[EntityRef]:
    return [each.person.ref for each in side.changes if isinstance(each, PersonChanged)]


def click_a_number(side: OurSide, **more: Any) -> None:
    """As the portal's page does."""
    data = {
        "PHONE_NUMBER": "8 (916) 123-45-67",
        "PHONE_NUMBER_INTERNATIONAL": "+79161234567",
        "USER_ID": 14,
        "CALL_ID": "externalCall.5d01.1790000000",
        **more,
    }
    change = Change(
        event="ONEXTERNALCALLSTART",
        data=data,
        author=Author(user_id=14),
        subject="call",
        only_for=side.bitrix.install.app.client_id,
    )
    side.bitrix.portal.announce(change)


CLICKED = {"id": "externalCall.5d01.1790000000", "manager": "14", "number": "+79161234567"}


# ---- posted


async def test_a_click_on_a_number_arrives(side: OurSide) -> None:
    assert await side.connector.ensure_webhooks(side.events_url)
    click_a_number(side)
    await side.until(lambda: bool(side.requests))
    [request] = side.requests
    assert isinstance(request, ClickRequested)
    assert {name: getattr(request, name) for name in CLICKED} == CLICKED
    assert abs(request.at - side.bitrix.clock.time) < 5


async def test_a_click_without_a_call_of_the_portal_is_not_taken(side: OurSide) -> None:
    assert await side.connector.ensure_webhooks(side.events_url)
    click_a_number(side, CALL_ID="")
    click_a_number(side)
    await side.until(lambda: bool(side.requests))
    assert len(side.requests) == 1


async def test_a_change_in_the_portal_arrives(side: OurSide) -> None:
    assert await side.connector.ensure_webhooks(side.events_url)
    ref = await add_contact(side)
    await side.until(lambda: ref in refs(side))
    await delete_contact(side, ref)
    await side.until(lambda: EntityDeleted(ref=ref) in side.changes)


async def test_binding_again_binds_nothing_twice(side: OurSide) -> None:
    await side.connector.ensure_webhooks(side.events_url)
    bound = [(each.event, each.url) for each in side.bitrix.install.handlers]
    side.connector.forget()
    await side.connector.open()
    assert await side.connector.ensure_webhooks(side.events_url)
    assert [(each.event, each.url) for each in side.bitrix.install.handlers] == bound
    assert {event for event, _ in bound} >= {*CRM_EVENTS, *CLICK_EVENTS, "ONAPPUPDATE", "ONAPPUNINSTALL"}


async def test_a_look_at_the_bindings_is_not_repeated_every_minute(side: OurSide) -> None:
    await side.connector.ensure_webhooks(side.events_url)
    asked = side.bitrix.sandbox.traffic.by_method["event.get"]
    for _ in range(5):
        assert await side.connector.ensure_webhooks(side.events_url)
    assert side.bitrix.sandbox.traffic.by_method["event.get"] == asked


async def test_the_address_of_before_is_unbound_and_foreign_handlers_stay(side: OurSide) -> None:
    """Another key of the application makes another address of the same account."""
    old, foreign = side.events_url[:-4] + "0000", "https://other.example/handler"
    for url in (old, foreign):
        await side.bitrix.ok("event.bind", {"event": "ONCRMCONTACTADD", "handler": url})
    await side.connector.ensure_webhooks(side.events_url)
    urls = {each.url for each in side.bitrix.install.handlers if not each.is_offline}
    assert urls == {side.events_url, foreign}


async def test_removing_leaves_nothing_of_ours_in_the_portal() -> None:
    async with running_sandbox() as bitrix, our_side(bitrix, redirect_uri="https://calls.example.com/oauth/x") as side:
        await connect(side)
        await side.connector.ensure_webhooks(side.events_url)
        assert side.bitrix.install.handlers
        assert side.bitrix.install.placements
        assert await side.connector.remove_webhooks(side.events_url)
        assert side.bitrix.install.handlers == []
        assert side.bitrix.install.placements == []


async def test_an_event_of_another_origin_is_not_believed(side: OurSide) -> None:
    ref = await add_contact(side)
    own = {"member_id": side.bitrix.portal.member_id, "application_token": side.bitrix.install.application_token}
    for changes in ({"application_token": "x"}, {"application_token": ""}, {"member_id": "f" * 32}):
        tree = {"event": "ONCRMCONTACTUPDATE", "data": {"FIELDS": {"ID": ref.id}}, "auth": {**own, **changes}}
        await side.post(side.events_url, dict(brackets.flatten(tree)))
    await side.intake.drained()
    assert side.changes == []
    await side.post(side.events_url, dict(brackets.flatten(tree | {"auth": own})))
    await side.until(lambda: refs(side) == [ref])


async def test_an_address_without_the_secret_does_not_exist(side: OurSide) -> None:
    status, _ = await side.post(side.events_url[:-1] + "?", {"event": "ONCRMCONTACTADD"})
    assert status == 404


async def test_what_cannot_be_worked_through_makes_the_phone_book_look(side: OurSide) -> None:
    await side.connector.ensure_webhooks(side.events_url)
    side.failing += [Unavailable("the database is away")]
    await add_contact(side)
    async with asyncio.timeout(30):
        while not side.lost:  # noqa: ASYNC110 -- `on_lost` may not wait
            await asyncio.sleep(0.01)
    ref = await add_contact(side, "Борис")
    await side.until(lambda: ref in refs(side))


def test_an_event_is_read_without_trusting_its_form() -> None:
    body = b"event=oncrmleadupdate&data[FIELDS][ID]=89&ts=1790000001&auth[member_id]=m&auth[application_token]=k"
    event = webhooks.parse_event(body)
    touched = webhooks.touched(event)
    assert touched is not None
    assert touched.ref == EntityRef(EntityKind.LEAD, "89")
    assert (event.at, event.member_id, event.is_proved_by("k"), event.is_proved_by("")) == (
        1790000001.0,
        "m",
        True,
        False,
    )
    for data in (
        b"",
        b"&data=5",
        b"&data[FIELDS]=5",
        b"&data[FIELDS][ID]=0",
        b"&data[FIELDS][ID]=-4",
        b"&data[FIELDS][ID]=1e3",
    ):
        assert webhooks.touched(webhooks.parse_event(b"event=ONCRMLEADADD" + data)) is None
    with pytest.raises(Rejected):
        webhooks.parse_event(b"event=ONCRMLEADADD" + b"&a=1" * 2000)
    with pytest.raises(Rejected):
        webhooks.parse_event(b"x" * (webhooks.BODY_BYTES + 1))


# ---- kept


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
def kept(behind_a_wall: OurSide) -> OfflineEvents:
    return a_process(behind_a_wall)


def a_process(side: OurSide) -> OfflineEvents:
    """What a process knows that has just started."""
    return OfflineEvents(PORTAL, side.connector.transport, is_on=lambda: True, every_seconds=0.0)


async def until_empty(events: OfflineEvents, side: OurSide) -> None:
    while await events.fetch(side.intake.process):
        pass


async def test_kept_events_are_fetched_and_cleared(behind_a_wall: OurSide, kept: OfflineEvents) -> None:
    side = behind_a_wall
    refs_made = [await add_contact(side, f"Клиент {index}") for index in range(3)]
    await until_empty(kept, side)
    assert sorted(refs(side), key=str) == sorted(refs_made, key=str)
    assert side.bitrix.install.offline == []


async def test_the_loop_fetches_by_itself(behind_a_wall: OurSide) -> None:
    side = behind_a_wall
    fetching = asyncio.create_task(a_process(side).run(side.intake.process))
    ref = await add_contact(side)
    await side.until(lambda: ref in refs(side))
    fetching.cancel()
    await asyncio.wait([fetching])


@pytest.mark.parametrize("has_reserve", [True, False])
@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_kill_between_reading_and_clearing_loses_nothing(
    behind_a_wall: OurSide, moment: str, *, has_reserve: bool
) -> None:
    side = behind_a_wall
    await side.bitrix.control("portals/acme", {"has_reserve": has_reserve})
    ref = await add_contact(side)

    async def killed(events: Sequence[Event]) -> None:
        if moment == "after":
            await side.intake.process(events)
        raise Killed

    with pytest.raises(Killed):
        await a_process(side).fetch(killed)
    later = await add_contact(side, "Позже")
    await until_empty(a_process(side), side)
    assert set(refs(side)) == {ref, later}
    assert side.bitrix.install.offline == []


@pytest.mark.parametrize("method", ["event.offline.get", "event.offline.clear"])
async def test_a_lost_answer_loses_nothing(behind_a_wall: OurSide, kept: OfflineEvents, method: str) -> None:
    side = behind_a_wall
    ref = await add_contact(side)
    await side.bitrix.control("faults", {"kind": "timeout_after_store", "method": method, "count": 1, "seconds": 0.1})
    with pytest.raises(Unavailable):
        await until_empty(kept, side)
    await until_empty(kept, side)
    assert set(refs(side)) == {ref}
    assert side.bitrix.install.offline == []


async def test_what_fails_for_the_moment_is_fetched_again(behind_a_wall: OurSide, kept: OfflineEvents) -> None:
    side = behind_a_wall
    ref = await add_contact(side)
    side.failing += [Unavailable("the database is away")]
    with pytest.raises(Unavailable):
        await kept.fetch(side.intake.process)
    await until_empty(a_process(side), side)
    assert refs(side) == [ref]


async def test_a_click_that_is_kept_is_cleared_only_after_it_was_taken(
    behind_a_wall: OurSide, kept: OfflineEvents
) -> None:
    side = behind_a_wall
    click_a_number(side)
    side.failing += [Unavailable("the database is away")]
    with pytest.raises(Unavailable):
        await kept.fetch(side.intake.process)
    await until_empty(a_process(side), side)
    assert [request.id for request in side.requests] == [CLICKED["id"]]
    assert side.bitrix.install.offline == []


async def test_a_click_that_could_not_be_posted_is_found_among_the_kept_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """We were down when it came: the portal does not post it again, and its card is open."""
    monkeypatch.setattr("connectors.bitrix24.connector.FIRST_SECONDS_BESIDE_POSTS", 0.0)
    async with running_sandbox() as bitrix, our_side(bitrix) as side:
        await connect(side)
        await _click_while_down(side)


async def _click_while_down(side: OurSide) -> None:
    assert await side.connector.ensure_webhooks(side.events_url)
    for handler in side.bitrix.install.handlers:
        if handler.event == "ONEXTERNALCALLSTART" and not handler.is_offline:
            handler.url = f"{side.url}/nowhere"
    click_a_number(side)
    assert side.intake.may_fetch
    fetching = asyncio.create_task(side.intake.fetch())
    await side.until(lambda: bool(side.requests))
    await until(lambda: not side.bitrix.install.offline)
    fetching.cancel()
    await asyncio.wait([fetching])
    assert [request.id for request in side.requests] == [CLICKED["id"]]


async def test_a_portal_that_does_not_let_us_keep_clicks_posts_them_all_the_same(side: OurSide) -> None:
    side.bitrix.portal.users[1]["IS_ADMIN"] = False
    assert await side.connector.ensure_webhooks(side.events_url)
    assert not [each for each in side.bitrix.install.handlers if each.is_offline]


async def test_what_fails_for_good_does_not_stop_the_others(behind_a_wall: OurSide, kept: OfflineEvents) -> None:
    side = behind_a_wall
    await add_contact(side)
    side.failing += [Rejected("never")]
    await until_empty(kept, side)
    assert (side.lost, side.bitrix.install.offline) == (1, [])
    ref = await add_contact(side, "Борис")
    await until_empty(kept, side)
    assert refs(side) == [ref]


async def test_more_events_than_one_answer_has(behind_a_wall: OurSide, kept: OfflineEvents) -> None:
    side = behind_a_wall
    made = {await add_contact(side, f"Клиент {index}") for index in range(60)}
    assert await kept.fetch(side.intake.process) == 50
    await until_empty(kept, side)
    assert set(refs(side)) == made


@pytest.mark.parametrize("row", [{}, {"EVENT_DATA": False}, {"EVENT_NAME": 7, "TIMESTAMP_X": "yesterday"}])
def test_a_kept_event_of_any_form_is_read(row: dict[str, Any]) -> None:
    event = event_of(row)
    assert (webhooks.touched(event), event.at) == (None, 0.0)


@pytest.mark.parametrize(
    ("address", "is_posted"),
    [
        ("https://dozvon.example.com/oauth/bitrix24/a", True),
        ("http://dozvon.example.com/oauth/bitrix24/a", False),
        ("https://192.168.1.5/oauth/bitrix24/a", False),
        ("https://8.8.8.8:8443/oauth/bitrix24/a", True),
        ("https://[::1]/oauth/bitrix24/a", False),
        ("https://dozvon/oauth/bitrix24/a", False),
        ("https://dozvon.office.local/oauth/bitrix24/a", False),
        ("", False),
    ],
)
def test_whether_the_portal_can_reach_us(address: str, *, is_posted: bool) -> None:
    settings = Bitrix24Settings(client_id="local.1", client_secret="k", redirect_uri=address)
    assert settings.has_events_posted is is_posted
