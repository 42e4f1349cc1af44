"""The sandbox's events and placements, against the documented rules."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from connectors.bitrix24.sandbox.portal import Author, Change
from tests.adapters.bitrix24_sandbox_kit import ANNA, BORIS, Bitrix, Receiver, receiving, running_sandbox


@pytest.fixture
async def bitrix() -> AsyncIterator[Bitrix]:
    async with running_sandbox() as running:
        yield running


@pytest.fixture
async def server() -> AsyncIterator[Receiver]:
    async with receiving() as running:
        yield running


async def _add(bitrix: Bitrix, **more: Any) -> int:
    return int(await bitrix.ok("crm.contact.add", {"fields": {"NAME": "Пётр"}, **more}))


# ---- online events


async def test_an_event_is_a_form_with_the_token_of_who_caused_it(bitrix: Bitrix, server: Receiver) -> None:
    await bitrix.ok("event.bind", {"event": "onCrmContactAdd", "handler": server.url})
    token = await bitrix.as_user(ANNA)
    id_ = await bitrix.ok("crm.contact.add", {"fields": {"NAME": "Пётр"}}, token=token)
    await server.wait(lambda: bool(server.events))
    event = server.events[0]
    assert server.content_types == ["application/x-www-form-urlencoded"]
    assert event["event"] == "ONCRMCONTACTADD"
    assert event["data"] == {"FIELDS": {"ID": str(id_)}}, "no fields, no old values"
    assert int(event["event_handler_id"]) > 0
    auth = event["auth"]
    assert auth["application_token"] == bitrix.application_token
    assert auth["member_id"] == bitrix.portal.member_id
    assert "refresh_token" not in auth
    assert (await bitrix.ok("user.current", token=auth["access_token"]))["ID"] == str(ANNA)


async def test_a_handler_may_have_the_token_of_a_chosen_user(bitrix: Bitrix, server: Receiver) -> None:
    await bitrix.ok("event.bind", {"event": "ONCRMCONTACTADD", "handler": server.url, "auth_type": BORIS})
    await _add(bitrix)
    await server.wait(lambda: bool(server.events))
    token = server.events[0]["auth"]["access_token"]
    assert (await bitrix.ok("user.current", token=token))["ID"] == str(BORIS)


async def test_an_event_of_a_robot_has_no_token(bitrix: Bitrix, server: Receiver) -> None:
    await bitrix.ok("event.bind", {"event": "ONCRMCONTACTUPDATE", "handler": server.url})
    data = {"FIELDS": {"ID": "1"}}
    bitrix.portal.announce(Change(event="ONCRMCONTACTUPDATE", data=data, author=Author(), subject="CONTACT_1"))
    await server.wait(lambda: bool(server.events))
    assert "access_token" not in server.events[0]["auth"]


async def test_an_event_is_sent_once_whatever_the_answer(bitrix: Bitrix, server: Receiver) -> None:
    server.status = 500
    await bitrix.ok("event.bind", {"event": "ONCRMCONTACTADD", "handler": server.url})
    first, second = await _add(bitrix), await _add(bitrix)
    await server.wait(lambda: len(server.events) == 2)
    assert [each["data"]["FIELDS"]["ID"] for each in server.events] == [str(first), str(second)]
    handler = bitrix.install.handlers[0]
    async with asyncio.timeout(10):
        while handler.failed < 2:  # noqa: ASYNC110 - the worker has no event for tests
            await asyncio.sleep(0.01)
    assert (handler.delivered, handler.failed, len(server.events)) == (0, 2, 2)


async def test_events_may_arrive_late_and_keep_their_order() -> None:
    async with receiving() as server, running_sandbox(event_delay_seconds=0.3) as bitrix:
        await bitrix.ok("event.bind", {"event": "ONCRMCONTACTADD", "handler": server.url})
        began = asyncio.get_running_loop().time()
        ids = [await _add(bitrix), await _add(bitrix)]
        assert server.events == []
        await server.wait(lambda: len(server.events) == 2)
        assert asyncio.get_running_loop().time() - began >= 0.6
        assert [each["data"]["FIELDS"]["ID"] for each in server.events] == [str(id_) for id_ in ids]


async def test_own_writes_echo_back(bitrix: Bitrix, server: Receiver) -> None:
    for event in ("ONCRMDEALADD", "ONCRMDEALUPDATE", "ONCRMDEALDELETE"):
        await bitrix.ok("event.bind", {"event": event, "handler": server.url})
    id_ = await bitrix.ok("crm.deal.add", {"fields": {"TITLE": "Шкаф"}})
    await bitrix.ok("crm.deal.update", {"id": id_, "fields": {"TITLE": "Стол"}})
    await bitrix.ok("crm.deal.delete", {"id": id_})
    await server.wait(lambda: len(server.events) == 3)
    assert {each["event"] for each in server.events} == {"ONCRMDEALADD", "ONCRMDEALUPDATE", "ONCRMDEALDELETE"}


async def test_handlers_are_listed_and_removed(bitrix: Bitrix) -> None:
    body = {"event": "ONCRMLEADADD", "handler": "http://127.0.0.1:9/a"}
    assert await bitrix.ok("event.bind", body) is True
    assert (await bitrix.refused("event.bind", body))[2].startswith("Unable to set event handler")
    assert await bitrix.ok("event.bind", {**body, "handler": "http://127.0.0.1:9/b"}) is True
    assert await bitrix.ok("event.get") == [
        {"event": "ONCRMLEADADD", "handler": "http://127.0.0.1:9/a", "auth_type": "0", "offline": 0},
        {"event": "ONCRMLEADADD", "handler": "http://127.0.0.1:9/b", "auth_type": "0", "offline": 0},
    ]
    assert await bitrix.ok("event.unbind", body) == {"count": 1}
    assert await bitrix.ok("event.unbind", {"event": "ONCRMLEADADD"}) == {"count": 1}
    assert await bitrix.ok("event.get") == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"event": "ONNOTHING", "handler": "http://127.0.0.1:9"}, "ERROR_EVENT_NOT_FOUND"),
        ({"event": "ONCRMLEADADD"}, "ERROR_ARGUMENT"),
        ({"handler": "http://127.0.0.1:9"}, "ERROR_ARGUMENT"),
        ({"event": "ONCRMLEADADD", "handler": "file:///etc/passwd"}, "ERROR_WRONG_HANDLER_URL"),
    ],
)
async def test_a_wrong_handler_is_refused(bitrix: Bitrix, body: dict[str, Any], code: str) -> None:
    assert (await bitrix.refused("event.bind", body))[:2] == (400, code)


async def test_an_ordinary_user_binds_for_themselves_only(bitrix: Bitrix) -> None:
    token = await bitrix.as_user(ANNA)
    body = {"event": "ONCRMLEADADD", "handler": "http://127.0.0.1:9"}
    for more in ({"auth_type": BORIS}, {"event_type": "offline"}):
        assert (await bitrix.refused("event.bind", {**body, **more}, token=token))[1] == "ACCESS_DENIED"
    assert await bitrix.ok("event.bind", body, token=token) is True
    assert bitrix.install.handlers[0].user_id == ANNA


async def test_event_test_fires_for_this_application(bitrix: Bitrix, server: Receiver) -> None:
    await bitrix.ok("event.bind", {"event": "ONAPPTEST", "handler": server.url})
    assert await bitrix.ok("event.test", {"any": {"a": "1"}}) is True
    await server.wait(lambda: bool(server.events))
    assert server.events[0]["data"] == {"QUERY": {"a": "1"}}
    assert "ONCRMLEADADD" in await bitrix.ok("events")


# ---- offline events


async def _offline(bitrix: Bitrix, **parameters: Any) -> tuple[str | None, list[dict[str, Any]]]:
    got = await bitrix.ok("event.offline.get", parameters)
    return got["process_id"], got["events"]


async def test_an_offline_queue_keeps_the_last_state_of_each_object(bitrix: Bitrix) -> None:
    for event in ("ONCRMCONTACTADD", "ONCRMCONTACTUPDATE"):
        await bitrix.ok("event.bind", {"event": event, "event_type": "offline"})
    id_ = await _add(bitrix)
    for name in ("А", "Б", "В"):
        await bitrix.ok("crm.contact.update", {"id": id_, "fields": {"NAME": name}})
    process, events = await _offline(bitrix)
    assert process is None
    assert [each["EVENT_NAME"] for each in events] == ["ONCRMCONTACTADD", "ONCRMCONTACTUPDATE"]
    assert events[0]["EVENT_DATA"] == {"FIELDS": {"ID": str(id_)}}
    assert (await _offline(bitrix))[1] == [], "clear=1 is the default, and deletes at once"


async def test_reserved_events_are_read_again_by_their_process_and_cleared(bitrix: Bitrix) -> None:
    await bitrix.ok("event.bind", {"event": "ONCRMCONTACTADD", "event_type": "offline"})
    for _ in range(3):
        await _add(bitrix)
    process, first = await _offline(bitrix, clear=0, limit=2)
    other, rest = await _offline(bitrix, clear=0)
    assert process
    assert process != other
    assert (len(first), len(rest)) == (2, 1), "parallel reads get different events"
    assert (await _offline(bitrix, clear=0))[1] == []
    assert (await _offline(bitrix, clear=0, process_id=process))[1] == first, "a kill after reading loses nothing"
    body = {"process_id": process, "message_id": [first[0]["MESSAGE_ID"]]}
    assert await bitrix.ok("event.offline.clear", body) is True
    assert (await _offline(bitrix, clear=0, process_id=process))[1] == first[1:]
    assert await bitrix.ok("event.offline.clear", {"process_id": process}) is True
    assert len(await bitrix.ok("event.offline.list")) == 1


async def test_a_reservation_ends_after_thirty_days(bitrix: Bitrix) -> None:
    await bitrix.ok("event.bind", {"event": "ONCRMCONTACTADD", "event_type": "offline"})
    await _add(bitrix)
    assert len((await _offline(bitrix, clear=0))[1]) == 1
    bitrix.clock.time += 30 * 86_400 + 10
    token = await bitrix.as_user(1)
    got = await bitrix.ok("event.offline.get", {"clear": 0}, token=token)
    assert len(got["events"]) == 1


async def test_failed_events_are_read_apart(bitrix: Bitrix) -> None:
    await bitrix.ok("event.bind", {"event": "ONCRMCONTACTADD", "event_type": "offline"})
    await _add(bitrix)
    process, events = await _offline(bitrix, clear=0)
    body = {"process_id": process, "message_id": [events[0]["MESSAGE_ID"]]}
    assert await bitrix.ok("event.offline.error", body) is True
    assert (await _offline(bitrix))[1] == []
    assert len((await _offline(bitrix, error=1))[1]) == 1


async def test_a_connectors_own_writes_do_not_echo(bitrix: Bitrix) -> None:
    body = {"event": "ONCRMCONTACTADD", "event_type": "offline", "auth_connector": "dozvon"}
    await bitrix.ok("event.bind", body)
    await _add(bitrix, auth_connector="dozvon")
    foreign = await _add(bitrix)
    assert (await _offline(bitrix))[1] == [], "the connector's queue is a separate one"
    _, events = await _offline(bitrix, auth_connector="dozvon")
    assert [each["EVENT_DATA"]["FIELDS"]["ID"] for each in events] == [str(foreign)]


async def test_a_smaller_plan_has_no_reservation(bitrix: Bitrix) -> None:
    assert await bitrix.ok("feature.get", {"CODE": "rest_offline_extended"}) == {"value": "Y"}
    await bitrix.control("portals/acme", {"has_reserve": False})
    assert await bitrix.ok("feature.get", {"CODE": "rest_offline_extended"}) == {"value": "N"}
    assert (await bitrix.refused("event.offline.get", {"clear": 0}))[1] == "ACCESS_DENIED"


async def test_onofflineevent_says_come_and_read(bitrix: Bitrix, server: Receiver) -> None:
    await bitrix.ok("event.bind", {"event": "ONCRMCONTACTADD", "event_type": "offline"})
    told = {"event": "ONOFFLINEEVENT", "handler": server.url, "options": {"minTimeout": 10}}
    await bitrix.ok("event.bind", told)
    await _add(bitrix)
    await _add(bitrix)
    bitrix.clock.time += 10
    await _add(bitrix)
    await server.wait(lambda: len(server.events) >= 2)
    assert [each["event"] for each in server.events] == ["ONOFFLINEEVENT"] * 2
    assert "data" not in server.events[0], "an empty map is no pair of the form"


# ---- placements


async def test_placements_are_bound_listed_and_removed(bitrix: Bitrix) -> None:
    body = {"PLACEMENT": "CALL_CARD", "HANDLER": "http://127.0.0.1:9/card", "TITLE": "Dozvon"}
    assert await bitrix.ok("placement.bind", body) is True
    assert [each["placement"] for each in await bitrix.ok("placement.get")] == ["CALL_CARD"]
    assert {"CALL_CARD", "CRM_CONTACT_DETAIL_TAB", "PAGE_BACKGROUND_WORKER"} <= set(await bitrix.ok("placement.list"))
    assert await bitrix.ok("placement.unbind", {"PLACEMENT": "CALL_CARD"}) == {"count": 2}
    assert await bitrix.ok("placement.unbind", {"PLACEMENT": "CALL_CARD"}) == {"count": 0}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "ERROR_ARGUMENT"),
        ({"PLACEMENT": "CALL_CARD"}, "ERROR_ARGUMENT"),
        ({"PLACEMENT": "NO_SUCH", "HANDLER": "http://127.0.0.1:9"}, "ERROR_PLACEMENT_NOT_FOUND"),
        ({"PLACEMENT": "PAGE_BACKGROUND_WORKER", "HANDLER": "http://127.0.0.1:9"}, "EMPTY_ERROR_HANDLER_URL"),
        ({"PLACEMENT": "CALL_CARD", "HANDLER": "http://127.0.0.1:9", "USER_ID": ANNA}, "ERROR_PLACEMENT_USER_MODE"),
    ],
)
async def test_a_wrong_placement_is_refused_with_status_200(bitrix: Bitrix, body: dict[str, Any], code: str) -> None:
    assert (await bitrix.refused("placement.bind", body))[:2] == (200, code)


async def test_a_background_worker_is_one_for_all_and_one_per_user(bitrix: Bitrix) -> None:
    body: dict[str, Any] = {
        "PLACEMENT": "PAGE_BACKGROUND_WORKER",
        "HANDLER": "http://127.0.0.1:9/worker",
        "OPTIONS": {"errorHandlerUrl": "http://127.0.0.1:9/error"},
    }
    assert await bitrix.ok("placement.bind", body) is True
    assert (await bitrix.refused("placement.bind", body))[:2] == (200, "ERROR_PLACEMENT_MAX_COUNT")
    assert await bitrix.ok("placement.bind", {**body, "USER_ID": ANNA}) is True
    token = await bitrix.as_user(ANNA)
    assert (await bitrix.refused("placement.bind", body, token=token))[:2] == (403, "ACCESS_DENIED")
