"""The sandbox's limits, batches, lists, errors and ordered faults, against the documented rules."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.adapters.bitrix24_sandbox_kit import ANNA, CONTACT, IVAN, LEAD, Bitrix, running_sandbox


@pytest.fixture
async def bitrix() -> AsyncIterator[Bitrix]:
    async with running_sandbox() as running:
        yield running


# ---- requests a second


async def _burst(bitrix: Bitrix, count: int) -> list[int]:
    return [(await bitrix.call("server.time", pause=0)).status for _ in range(count)]


async def test_a_burst_of_fifty_passes_and_two_a_second_after_it(bitrix: Bitrix) -> None:
    bitrix.clock.time += 60
    assert await _burst(bitrix, 52) == [200] * 50 + [503] * 2
    bitrix.clock.time += 1
    assert await _burst(bitrix, 3) == [200, 200, 503]
    refused = await bitrix.refused("server.time", pause=0)
    assert refused == (503, "QUERY_LIMIT_EXCEEDED", "Too many requests")


async def test_an_enterprise_portal_has_more(bitrix: Bitrix) -> None:
    await bitrix.control("portals/acme", {"is_enterprise": True})
    bitrix.clock.time += 60
    assert await _burst(bitrix, 251) == [200] * 250 + [503]
    bitrix.clock.time += 1
    assert await _burst(bitrix, 6) == [200] * 5 + [503]


async def test_a_batch_counts_as_one_request(bitrix: Bitrix) -> None:
    bitrix.clock.time += 60
    for _ in range(50):
        assert (await bitrix.call("batch", {"cmd": {"a": "server.time", "b": "profile"}}, pause=0)).status == 200
    assert (await bitrix.call("batch", {"cmd": {}}, pause=0)).status == 503


async def test_a_self_hosted_portal_has_no_limits(bitrix: Bitrix) -> None:
    await bitrix.control("portals/acme", {"kind": "self_hosted"})
    assert await _burst(bitrix, 60) == [200] * 60


# ---- execution time


async def test_operating_grows_and_blocks_only_its_method(bitrix: Bitrix) -> None:
    await bitrix.control("cost", {"crm.contact.list": 200})
    seen = [(await bitrix.call("crm.contact.list")).body["time"] for _ in range(3)]
    assert [each["operating"] for each in seen] == [200, 400, 600], "the sum of the window, not the call's cost"
    assert await bitrix.refused("crm.contact.list") == (
        429,
        "OPERATION_TIME_LIMIT",
        "Method is blocked due to operation time limit.",
    )
    assert await bitrix.ok("crm.lead.list")
    bitrix.clock.time = seen[-1]["operating_reset_at"] + 1
    assert await bitrix.ok("crm.contact.list")


async def test_the_methods_inside_a_batch_have_their_own_time(bitrix: Bitrix) -> None:
    await bitrix.control("cost", {"crm.contact.list": 300})
    commands = {str(index): "crm.contact.list" for index in range(3)} | {"lead": "crm.lead.list"}
    answer = await bitrix.ok("batch", {"cmd": commands})
    assert list(answer["result"]) == ["0", "1", "lead"]
    assert answer["result_error"]["2"]["error"] == "OPERATION_TIME_LIMIT"
    assert answer["result_time"]["1"]["operating"] == 600


async def test_another_application_has_another_time(bitrix: Bitrix) -> None:
    await bitrix.control("cost", {"crm.contact.list": 500})
    await bitrix.ok("crm.contact.list")
    assert (await bitrix.call("crm.contact.list")).status == 429
    url = (await bitrix.control("webhooks"))["url"]
    assert (await bitrix.send("GET", f"{url}crm.contact.list")).status == 200


# ---- batch


async def test_a_batch_answers_200_with_each_commands_result_or_error(bitrix: Bitrix) -> None:
    commands = {"good": "crm.contact.list?select[]=ID&start=0", "bad": "crm.contact.get?id=999999", "none": "no.such"}
    answer = await bitrix.call("batch", {"cmd": commands})
    assert answer.status == 200
    result = answer.body["result"]
    assert len(result["result"]["good"]) == result["result_total"]["good"] <= 50
    assert result["result_error"] == {
        "bad": {"error": "", "error_description": "Not found"},
        "none": {"error": "ERROR_METHOD_NOT_FOUND", "error_description": "Method not found!"},
    }
    assert result["result_next"] == [], "PHP's empty map is a list"


async def test_a_batch_with_halt_stops_at_the_first_error(bitrix: Bitrix) -> None:
    commands = {"bad": "crm.contact.get?id=999999", "late": "profile"}
    answer = await bitrix.ok("batch", {"halt": 1, "cmd": commands})
    assert answer["result"] == []
    assert list(answer["result_error"]) == ["bad"]


async def test_a_batch_takes_earlier_results(bitrix: Bitrix) -> None:
    commands = {
        "reg": f"telephony.externalcall.register?USER_ID={ANNA}&PHONE_NUMBER=%2B79161234567&TYPE=2&SHOW=0",
        "fin": f"telephony.externalcall.finish?CALL_ID=$result[reg][CALL_ID]&USER_ID={ANNA}&DURATION=0&STATUS_CODE=304",
        "first": "user.get?filter[ID]=14",
        "same": "user.get?filter[ID]=$result[first][0][ID]",
        "none": "crm.contact.get?id=$result[reg][NO][SUCH]",
    }
    answer = await bitrix.ok("batch", {"halt": 0, "cmd": commands})
    assert answer["result"]["fin"]["CALL_ID"] == answer["result"]["reg"]["CALL_ID"]
    assert answer["result"]["same"] == answer["result"]["first"]
    assert list(answer["result_error"]) == ["none"]


async def test_a_batch_has_fifty_commands(bitrix: Bitrix) -> None:
    answer = await bitrix.ok("batch", {"cmd": [f"server.time?{index}" for index in range(52)]})
    assert len(answer["result"]) == 50
    assert isinstance(answer["result"], list), "labels 0, 1, 2, … make a list"
    assert {code["error"] for code in answer["result_error"].values()} == {"ERROR_BATCH_LENGTH_EXCEEDED"}
    assert set(answer["result_error"]) == {"50", "51"}


async def test_a_batch_has_no_batch_inside(bitrix: Bitrix) -> None:
    answer = await bitrix.ok("batch", {"cmd": {"inner": "batch?cmd[a]=profile"}})
    assert answer["result_error"]["inner"]["error"] == "ERROR_BATCH_METHOD_NOT_ALLOWED"


@pytest.mark.parametrize("cmd", [None, "profile", 7, [None], {"a": {"b": 1}}, {"a": 5}])
async def test_a_hostile_batch_is_answered(bitrix: Bitrix, cmd: Any) -> None:
    assert (await bitrix.call("batch", {"cmd": cmd})).status == 200


async def test_a_batch_by_form_is_the_same(bitrix: Bitrix) -> None:
    body = {"halt": "0", "cmd[a]": "crm.contact.list?filter[>ID]=0&start=0", "cmd[b]": "profile", "auth": bitrix.token}
    answer = await bitrix.send("POST", f"{bitrix.base}/rest/batch", data=body)
    assert set(answer.body["result"]["result"]) == {"a", "b"}


# ---- lists


async def test_lists_have_pages_of_fifty_with_total_and_next() -> None:
    async with running_sandbox(contacts=120) as bitrix:
        first = (await bitrix.call("crm.contact.list", {"select": ["ID"]})).body
        assert (len(first["result"]), first["next"]) == (50, 50)
        last = (await bitrix.call("crm.contact.list", {"start": 100, "select": ["ID"]})).body
        assert "next" not in last or last["next"] == 150
        assert first["total"] == len(bitrix.portal.tables[CONTACT])
        end = (await bitrix.call("crm.contact.list", {"start": first["total"]})).body
        assert (end["result"], "next" in end) == ([], False)


async def test_start_minus_one_counts_nothing_and_walks_by_id() -> None:
    async with running_sandbox(contacts=120) as bitrix:
        seen: list[int] = []
        while True:
            body = {"entityTypeId": CONTACT, "order": {"id": "ASC"}, "filter": {">id": seen[-1] if seen else 0},
                    "select": ["id"], "start": -1}  # fmt: skip
            page = (await bitrix.call("crm.item.list", body)).body
            assert page["total"] == 0
            assert "next" not in page
            seen += [each["id"] for each in page["result"]["items"]]
            if len(page["result"]["items"]) < 50:
                break
        assert seen == [record["ID"] for record in bitrix.portal.tables[CONTACT]]


@pytest.mark.parametrize(
    ("conditions", "names"),
    [
        ({"=NAME": "Иван"}, {"Иван"}),
        ({"%LAST_NAME": "етро"}, {"Иван"}),
        ({"=%LAST_NAME": "Петр%"}, {"Иван"}),
        ({"@LAST_NAME": ["Петров", "Кузнецова"]}, {"Иван", "Мария"}),
        ({"PHONE": IVAN}, {"Иван"}),
        ({"PHONE": "89161234567"}, set()),
        ({"logic": "OR", "0": {"NAME": "Иван"}, "1": {"NAME": "Мария"}}, {"Иван", "Мария"}),
    ],
)
async def test_filters_have_prefixes(bitrix: Bitrix, conditions: dict[str, Any], names: set[str]) -> None:
    found = await bitrix.ok("crm.contact.list", {"filter": conditions, "select": ["NAME"]})
    assert {each["NAME"] for each in found} == names


async def test_a_filter_excludes(bitrix: Bitrix) -> None:
    everyone = len(bitrix.portal.users)
    active = await bitrix.ok("user.get", {"FILTER": {"ACTIVE": True}})
    left = await bitrix.ok("user.get", {"FILTER": {"ACTIVE": False}})
    not_anna = await bitrix.ok("user.get", {"FILTER": {"!ID": ANNA}})
    between = await bitrix.ok("user.get", {"FILTER": {"><ID": [14, 15]}})
    assert (len(active), len(left), len(not_anna), len(between)) == (everyone - 1, 1, everyone - 1, 2)


async def test_times_are_compared_as_times(bitrix: Bitrix) -> None:
    created = await bitrix.ok("crm.lead.add", {"fields": {"TITLE": "Новый"}})
    moment = (await bitrix.ok("crm.lead.get", {"ID": created}))["DATE_CREATE"]
    assert moment.endswith("+03:00")
    newer = await bitrix.ok("crm.item.list", {"entityTypeId": LEAD, "filter": {">=createdTime": moment}})
    assert [each["id"] for each in newer["items"]] == [created]


# ---- paths and errors


@pytest.mark.parametrize("path", ["/rest//profile", "/rest///profile.json", "/rest/PROFILE", "/rest/profile/"])
async def test_a_method_is_found_by_any_case_and_with_more_slashes(bitrix: Bitrix, path: str) -> None:
    assert (await bitrix.call("profile", path=path)).status == 200


async def test_an_unknown_method_and_a_missing_scope_have_their_codes(bitrix: Bitrix) -> None:
    assert (await bitrix.refused("crm.nothing"))[:2] == (404, "ERROR_METHOD_NOT_FOUND")
    bitrix.install.app.scopes = "crm"
    assert (await bitrix.refused("telephony.externalLine.get"))[:2] == (403, "insufficient_scope")
    assert await bitrix.ok("scope") == ["crm"]
    known = await bitrix.ok("method.get", {"name": "telephony.externalLine.get"})
    assert known == {"isExisting": True, "isAvailable": False}
    assert "telephony.externalLine.get" not in await bitrix.ok("methods")


async def test_a_method_behind_confirmation_waits_for_the_administrator(bitrix: Bitrix) -> None:
    assert (await bitrix.refused("voximplant.user.get"))[:2] == (401, "METHOD_CONFIRM_WAITING")
    await bitrix.control("confirm", {"token": bitrix.token})
    assert await bitrix.ok("voximplant.user.get")
    refreshed = await bitrix.exchange(grant_type="refresh_token", refresh_token=bitrix.refresh_token)
    status, code, _ = await bitrix.refused("voximplant.user.get", token=refreshed.body["access_token"])
    assert (status, code) == (401, "METHOD_CONFIRM_WAITING"), "it is per token"


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff\xfe", b'{"auth": {"a": 1}}', b"null"])
async def test_a_hostile_body_gets_a_clear_answer(bitrix: Bitrix, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await bitrix.send("POST", f"{bitrix.base}/rest/profile", data=body, headers=headers)
    assert (answer.status, answer.body["error"]) == (401, "NO_AUTH_FOUND")


async def test_a_request_that_is_nested_too_deeply_is_refused(bitrix: Bitrix) -> None:
    for depth in (400, 100_000):
        nested = '{"0":' * depth + "1" + "}" * depth
        body = f'{{"auth": "{bitrix.token}", "filter": {nested}}}'
        headers = {"Content-Type": "application/json"}
        answer = await bitrix.send("POST", f"{bitrix.base}/rest/crm.lead.list", data=body, headers=headers)
        assert (answer.status, answer.body.get("error", "")) in ((400, "INVALID_REQUEST"), (200, ""))
    assert await bitrix.ok("profile")


@pytest.mark.parametrize("number", ["1e400", "nan", "-inf", "1" * 5000, "½"])
async def test_an_impossible_number_is_no_number(bitrix: Bitrix, number: str) -> None:
    id_ = await bitrix.ok("crm.deal.add", {"fields": {"TITLE": "Шкаф", "OPPORTUNITY": number, "CONTACT_ID": number}})
    deal = await bitrix.ok("crm.deal.get", {"id": id_})
    assert (deal["OPPORTUNITY"], deal["CONTACT_ID"]) == ("0.00", None)
    await bitrix.ok("crm.deal.list", {"filter": {">OPPORTUNITY": number}, "start": number})


# ---- ordered faults


async def test_an_ordered_status_and_an_html_page(bitrix: Bitrix) -> None:
    await bitrix.control(
        "faults", {"kind": "status", "status": 503, "code": "OVERLOAD_LIMIT", "description": "Blocked"}
    )
    assert await bitrix.refused("profile") == (503, "OVERLOAD_LIMIT", "Blocked")
    await bitrix.control("faults", {"kind": "html", "status": 502})
    page = await bitrix.call("profile")
    assert page.status == 502
    assert page.body.startswith("<html>")
    assert await bitrix.ok("profile"), "a fault affects as many requests as ordered"


async def test_an_ordered_error_with_status_200(bitrix: Bitrix) -> None:
    await bitrix.control(
        "faults", {"kind": "error", "code": "ERROR_CORE", "description": "Internal", "method": "PROFILE"}
    )
    assert await bitrix.ok("server.time")
    assert await bitrix.refused("profile") == (200, "ERROR_CORE", "Internal")


async def test_a_lost_answer_is_done_all_the_same(bitrix: Bitrix) -> None:
    before = len(bitrix.portal.tables[CONTACT])
    await bitrix.control("faults", {"kind": "timeout_after_store", "seconds": 0, "method": "crm.contact.add"})
    with pytest.raises(aiohttp.ClientError):
        await bitrix.call("crm.contact.add", {"fields": {"NAME": "Потерянный ответ"}})
    assert len(bitrix.portal.tables[CONTACT]) == before + 1


async def test_a_dropped_request_is_not_done(bitrix: Bitrix) -> None:
    before = len(bitrix.portal.tables[CONTACT])
    await bitrix.control("faults", {"kind": "drop"})
    with pytest.raises(aiohttp.ClientError):
        await bitrix.call("crm.contact.add", {"fields": {"NAME": "Никогда"}})
    assert len(bitrix.portal.tables[CONTACT]) == before


async def test_a_slow_answer_is_slow(bitrix: Bitrix) -> None:
    await bitrix.control("faults", {"kind": "slow", "seconds": 30})
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(bitrix.call("profile"), 0.2)
    assert await bitrix.ok("profile")


async def test_ordered_expiry_ends_all_tokens(bitrix: Bitrix) -> None:
    await bitrix.control("expire_tokens")
    assert (await bitrix.refused("profile"))[1] == "expired_token"
    refreshed = await bitrix.exchange(grant_type="refresh_token", refresh_token=bitrix.refresh_token)
    assert await bitrix.ok("profile", token=refreshed.body["access_token"])
    await bitrix.control("expire_tokens", {"refresh": True})
    again = await bitrix.exchange(grant_type="refresh_token", refresh_token=refreshed.body["refresh_token"])
    assert again.body["error"] == "invalid_grant"


async def test_a_wrong_order_is_refused(bitrix: Bitrix) -> None:
    for body in ({"kind": "explode"}, {"kind": "drop", "count": 0}, {"kind": "drop", "status": "5"}, {"other": 1}):
        assert (await bitrix.send("POST", f"{bitrix.base}/_sandbox/faults", json=body)).status == 400
