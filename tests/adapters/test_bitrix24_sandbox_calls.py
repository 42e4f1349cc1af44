"""The sandbox's telephony: lines, the live call, recordings, statistics, against the documented rules."""

from __future__ import annotations

import base64
import datetime
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.adapters.bitrix24_sandbox_kit import (
    ANNA,
    BORIS,
    COMPANY,
    CONTACT,
    IVAN,
    LEFT,
    VERA,
    Bitrix,
    receiving,
    running_sandbox,
)

STRANGER = "+79990001122"
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt " + b"\0" * 400


@pytest.fixture
async def bitrix() -> AsyncIterator[Bitrix]:
    async with running_sandbox() as running:
        yield running


def iso(at: float) -> str:
    return datetime.datetime.fromtimestamp(at, datetime.timezone(datetime.timedelta(hours=3))).isoformat()


async def statistics(bitrix: Bitrix, **conditions: Any) -> list[dict[str, Any]]:
    return list(await bitrix.ok("voximplant.statistic.get", {"FILTER": conditions}))


# ---- register


async def test_a_known_client_is_found_and_nothing_is_in_the_timeline_before_finish(bitrix: Bitrix) -> None:
    answer = await bitrix.register(EXTERNAL_CALL_ID="pbx-1")
    assert answer["CALL_ID"].startswith("externalCall.")
    assert answer["CRM_ENTITY_TYPE"] == "CONTACT"
    assert answer["CRM_CREATED_LEAD"] is None
    assert answer["CRM_CREATED_ENTITIES"] == []
    conditions = {"filter": {"OWNER_TYPE_ID": CONTACT, "OWNER_ID": answer["CRM_ENTITY_ID"]}}
    assert await bitrix.ok("crm.activity.list", conditions) == []
    assert await statistics(bitrix, CALL_ID=answer["CALL_ID"]) == []


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"TYPE": 7}, "Unknown TYPE"),
        ({"PHONE_NUMBER": "скрыт"}, "Unsupported phone number format"),
        ({"CALL_START_DATE": "вчера"}, "CALL_START_DATE should be in the ISO-8601 format"),
        ({"CALL_START_DATE": "9999-12-31T23:59:59-12:00"}, "CALL_START_DATE should be in the ISO-8601 format"),
        ({"CALL_START_DATE": "0001-01-01T00:00:00+14:00"}, "CALL_START_DATE should be in the ISO-8601 format"),
        ({"USER_ID": LEFT}, "User is not found or is not active"),
        ({"USER_ID": 99999}, "User is not found or is not active"),
        ({"USER_ID": "", "USER_PHONE_INNER": "999"}, "USER_ID or USER_PHONE_INNER should be set"),
        ({"USER_ID": "", "USER_PHONE_INNER": "105"}, "USER_ID or USER_PHONE_INNER should be set"),
        ({"USER_ID": ""}, "USER_ID or USER_PHONE_INNER should be set"),
    ],
)
async def test_register_refuses_with_a_text(bitrix: Bitrix, changes: dict[str, Any], text: str) -> None:
    body = {"USER_ID": ANNA, "PHONE_NUMBER": IVAN, "TYPE": 2, **changes}
    assert await bitrix.refused("telephony.externalCall.register", body) == (400, "ERROR_CORE", text)


async def test_the_extension_of_an_active_user_stands_for_the_user(bitrix: Bitrix) -> None:
    call = await bitrix.register(USER_ID="", USER_PHONE_INNER="102")
    assert bitrix.portal.live[call["CALL_ID"]].user_id == BORIS


async def test_a_stranger_becomes_a_lead_only_if_asked(bitrix: Bitrix) -> None:
    without = await bitrix.register(STRANGER, EXTERNAL_CALL_ID="a")
    assert (without["CRM_ENTITY_TYPE"], without["CRM_ENTITY_ID"]) == ("", None)
    created = await bitrix.register(STRANGER, EXTERNAL_CALL_ID="b", CRM_CREATE=1, CRM_SOURCE="ADVERTISING")
    lead = await bitrix.ok("crm.lead.get", {"ID": created["CRM_CREATED_LEAD"]})
    assert created["CRM_CREATED_ENTITIES"] == [{"ENTITY_TYPE": "LEAD", "ENTITY_ID": int(lead["ID"])}]
    assert (lead["SOURCE_ID"], lead["ASSIGNED_BY_ID"]) == ("ADVERTISING", str(ANNA))
    assert lead["PHONE"][0]["VALUE"] == STRANGER
    other = await bitrix.register("+79990001133", CRM_CREATE=1, CRM_SOURCE="НЕТ ТАКОГО")
    assert (await bitrix.ok("crm.lead.get", {"ID": other["CRM_CREATED_LEAD"]}))["SOURCE_ID"] == "CALL"


async def test_the_simple_crm_has_no_leads(bitrix: Bitrix) -> None:
    await bitrix.control("portals/acme", {"mode": 2})
    assert await bitrix.ok("crm.settings.mode.get") == 2
    created = await bitrix.register(STRANGER, CRM_CREATE=1)
    assert created["CRM_CREATED_LEAD"] is None
    assert [each["ENTITY_TYPE"] for each in created["CRM_CREATED_ENTITIES"]] == ["CONTACT", "DEAL"]
    deal = await bitrix.ok("crm.deal.get", {"id": created["CRM_CREATED_ENTITIES"][1]["ENTITY_ID"]})
    assert deal["CONTACT_ID"] == str(created["CRM_ENTITY_ID"])


@pytest.mark.parametrize("number", ["+79995550101", "89995550101"])
async def test_an_employees_number_makes_no_lead_and_says_why(bitrix: Bitrix, number: str) -> None:
    answer = await bitrix.register(number, CRM_CREATE=1)
    assert answer["LEAD_CREATION_ERROR"] == "Lead creation is disabled for local users"
    assert answer["CALL_ID"]
    assert answer["CRM_CREATED_LEAD"] is None


async def test_a_call_to_an_extension_is_internal(bitrix: Bitrix) -> None:
    answer = await bitrix.register("102", CRM_CREATE=1)
    assert "LEAD_CREATION_ERROR" not in answer
    assert answer["CRM_ENTITY_ID"] is None


async def test_the_given_client_wins_over_the_search(bitrix: Bitrix) -> None:
    company = next(iter(bitrix.portal.tables[COMPANY]))["ID"]
    answer = await bitrix.register(CRM_ENTITY_TYPE="COMPANY", CRM_ENTITY_ID=company)
    assert (answer["CRM_ENTITY_TYPE"], answer["CRM_ENTITY_ID"]) == ("COMPANY", company)
    gone = await bitrix.register(CRM_ENTITY_TYPE="COMPANY", CRM_ENTITY_ID=999_999, EXTERNAL_CALL_ID="x")
    assert gone["CRM_ENTITY_TYPE"] == "CONTACT"


async def test_the_number_is_compared_as_text_unless_the_portal_normalises(bitrix: Bitrix) -> None:
    assert (await bitrix.register("+74955550142"))["CRM_ENTITY_TYPE"] == "", "stored as 8 (495) 555-01-42"
    async with running_sandbox(matches_digits=True) as older:
        assert (await older.register("+74955550142"))["CRM_ENTITY_TYPE"] == "CONTACT"


async def test_an_unknown_line_is_created_without_a_name(bitrix: Bitrix) -> None:
    await bitrix.register(LINE_NUMBER="7" * 60)
    assert await bitrix.ok("telephony.externalLine.get") == [{"NUMBER": "7" * 50, "NAME": "", "CRM_AUTO_CREATE": "Y"}]


# ---- the rule of thirty minutes and its gaps


async def test_a_live_register_may_be_repeated(bitrix: Bitrix) -> None:
    first = await bitrix.register(EXTERNAL_CALL_ID="pbx-1")
    again = await bitrix.register(EXTERNAL_CALL_ID="pbx-1")
    assert again["CALL_ID"] == first["CALL_ID"]
    assert (await bitrix.register(EXTERNAL_CALL_ID="pbx-2"))["CALL_ID"] != first["CALL_ID"]


async def test_without_an_external_id_two_live_calls_share_one_id(bitrix: Bitrix) -> None:
    """Rule 4, and issue 175 of the documentation: the second finish then fails."""
    first, second = await bitrix.register(), await bitrix.register()
    assert first["CALL_ID"] == second["CALL_ID"]
    await bitrix.finish(first["CALL_ID"])
    body = {"CALL_ID": second["CALL_ID"], "USER_ID": ANNA}
    assert (await bitrix.refused("telephony.externalCall.finish", body))[2].startswith("Call is not found")


@pytest.mark.parametrize(
    "changes",
    [{"USER_ID": BORIS}, {"PHONE_NUMBER": "79161234567"}, {"TYPE": 3}, {"LINE_NUMBER": "74957770001"}],
)
async def test_another_key_is_another_call(bitrix: Bitrix, changes: dict[str, Any]) -> None:
    first = await bitrix.register(EXTERNAL_CALL_ID="pbx-1")
    body = {"number": changes.pop("PHONE_NUMBER", IVAN), "EXTERNAL_CALL_ID": "pbx-1", **changes}
    assert (await bitrix.register(**body))["CALL_ID"] != first["CALL_ID"]


async def test_an_old_date_is_never_a_repeat(bitrix: Bitrix) -> None:
    old = {"EXTERNAL_CALL_ID": "pbx-1", "CALL_START_DATE": iso(bitrix.clock.time - 3600)}
    assert (await bitrix.register(**old))["CALL_ID"] != (await bitrix.register(**old))["CALL_ID"]


async def test_after_thirty_minutes_and_after_finish_nothing_is_a_repeat(bitrix: Bitrix) -> None:
    first = await bitrix.register(EXTERNAL_CALL_ID="pbx-1")
    bitrix.clock.time += 1800
    second = await bitrix.register(EXTERNAL_CALL_ID="pbx-1")
    assert second["CALL_ID"] != first["CALL_ID"]
    await bitrix.finish(second["CALL_ID"])
    assert (await bitrix.register(EXTERNAL_CALL_ID="pbx-1"))["CALL_ID"] != second["CALL_ID"]
    assert len(await statistics(bitrix, EXTERNAL_CALL_ID="pbx-1")) == 1


# ---- show and hide


async def test_cards_are_shown_and_hidden_while_the_call_lives(bitrix: Bitrix) -> None:
    call = (await bitrix.register(SHOW=1))["CALL_ID"]
    live = bitrix.portal.live[call]
    assert live.shown_to == {ANNA}
    assert await bitrix.ok("telephony.externalCall.show", {"CALL_ID": call, "USER_ID": [BORIS, VERA]}) is True
    assert live.shown_to == {ANNA, BORIS, VERA}
    assert await bitrix.ok("telephony.externalCall.hide", {"CALL_ID": call, "USER_ID": BORIS}) is True
    assert live.shown_to == {ANNA, VERA}
    await bitrix.finish(call)
    assert live.shown_to == {VERA}, "only the finisher's card closes: it hangs at the others"
    for method in ("show", "hide"):
        assert await bitrix.ok(f"telephony.externalCall.{method}", {"CALL_ID": call, "USER_ID": VERA}) is False
        assert await bitrix.ok(f"telephony.externalCall.{method}", {"CALL_ID": "unknown"}) is False


# ---- finish


async def test_finish_writes_the_row_the_activity_and_the_events(bitrix: Bitrix) -> None:
    async with receiving() as server:
        for event in ("ONVOXIMPLANTCALLINIT", "ONVOXIMPLANTCALLSTART", "ONVOXIMPLANTCALLEND"):
            await bitrix.ok("event.bind", {"event": event, "handler": server.url})
        call = await bitrix.register(EXTERNAL_CALL_ID="pbx-1")
        row = await bitrix.finish(call["CALL_ID"], DURATION=95, VOTE=5)
        assert row["CALL_START_DATE"] == {}
        assert (row["INCOMING"], row["CALL_STATUS"], row["CALL_FAILED_CODE"]) == ("2", 1, "200")
        assert (row["EXTERNAL_CALL_ID"], row["PORTAL_USER_ID"], row["CALL_VOTE"]) == ("pbx-1", ANNA, 5)
        origin = {"filter": {"ORIGIN_ID": f"VI_{call['CALL_ID']}"}}
        activity = (await bitrix.ok("crm.activity.list", origin))[0]
        assert activity["ID"] == str(row["CRM_ACTIVITY_ID"])
        assert (activity["TYPE_ID"], activity["PROVIDER_ID"], activity["COMPLETED"]) == ("2", "VOXIMPLANT_CALL", "Y")
        stored = (await statistics(bitrix, EXTERNAL_CALL_ID="pbx-1"))[0]
        assert (stored["CALL_DURATION"], stored["CALL_TYPE"], stored["COST"]) == ("95", "2", "0.0000")
        assert stored["CALL_START_DATE"].endswith("+03:00")
        await server.wait(lambda: len(server.events) >= 3)
        ended = server.named("ONVOXIMPLANTCALLEND")[0]["data"]
        assert (ended["CALL_ID"], ended["CALL_FAILED_CODE"]) == (call["CALL_ID"], "200")
        assert server.named("ONVOXIMPLANTCALLSTART")[0]["data"] == {"CALL_ID": call["CALL_ID"], "USER_ID": str(ANNA)}


@pytest.mark.parametrize(
    ("changes", "code", "completed"),
    [
        ({"DURATION": 0}, "304", "N"),
        ({"DURATION": 0, "STATUS_CODE": "486"}, "486", "Y"),
        ({"DURATION": 0, "STATUS_CODE": "603-S"}, "603-S", "Y"),
        ({"DURATION": 5}, "200", "Y"),
    ],
)
async def test_only_304_of_an_incoming_call_is_missed(
    bitrix: Bitrix, changes: dict[str, Any], code: str, completed: str
) -> None:
    call = await bitrix.register()
    row = await bitrix.finish(call["CALL_ID"], **changes)
    assert row["CALL_FAILED_CODE"] == code
    assert (await bitrix.ok("crm.activity.get", {"id": row["CRM_ACTIVITY_ID"]}))["COMPLETED"] == completed


async def test_an_answered_call_back_closes_the_missed_one(bitrix: Bitrix) -> None:
    missed = await bitrix.finish((await bitrix.register())["CALL_ID"], DURATION=0)
    await bitrix.finish((await bitrix.register(TYPE=1))["CALL_ID"], DURATION=40)
    activity = await bitrix.ok("crm.activity.get", {"id": missed["CRM_ACTIVITY_ID"]})
    assert activity["COMPLETED"] == "Y"


async def test_a_call_of_nobody_has_no_activity_and_says_so(bitrix: Bitrix) -> None:
    call = await bitrix.register(STRANGER)
    row = await bitrix.finish(call["CALL_ID"])
    assert row["CRM_ACTIVITY_ID"] is False
    assert row["ERRORS"]["ACTIVITY_CREATION"]
    assert (await statistics(bitrix, CALL_ID=call["CALL_ID"]))[0]["CRM_ACTIVITY_ID"] is None


async def test_what_the_call_created_goes_to_the_finisher_and_nothing_else(bitrix: Bitrix) -> None:
    call = await bitrix.register(STRANGER, CRM_CREATE=1)
    await bitrix.finish(call["CALL_ID"], USER_ID=BORIS)
    lead = await bitrix.ok("crm.lead.get", {"ID": call["CRM_CREATED_LEAD"]})
    assert lead["ASSIGNED_BY_ID"] == str(BORIS)
    known = await bitrix.register(IVAN)
    await bitrix.finish(known["CALL_ID"], USER_ID=BORIS)
    contact = await bitrix.ok("crm.contact.get", {"ID": known["CRM_ENTITY_ID"]})
    assert contact["ASSIGNED_BY_ID"] == str(ANNA)


@pytest.mark.parametrize(
    ("body", "code", "text"),
    [
        ({"CALL_ID": ["a"], "USER_ID": ANNA}, "INVALID_ARGUMENT", "CALL_ID must be a string"),
        ({"CALL_ID": "unknown"}, "ERROR_CORE", "USER_ID or USER_PHONE_INNER should be set"),
        ({"CALL_ID": "unknown", "USER_ID": LEFT}, "ERROR_CORE", "User is not found or is not active"),
        (
            {"CALL_ID": "unknown", "USER_ID": ANNA},
            "ERROR_CORE",
            "Call is not found (call should be registered prior to finishing",
        ),
    ],
)
async def test_finish_refuses_with_a_text(bitrix: Bitrix, body: dict[str, Any], code: str, text: str) -> None:
    assert await bitrix.refused("telephony.externalCall.finish", body) == (400, code, text)


async def test_a_second_finish_finds_no_call(bitrix: Bitrix) -> None:
    call = (await bitrix.register())["CALL_ID"]
    await bitrix.finish(call)
    assert (await bitrix.refused("telephony.externalCall.finish", {"CALL_ID": call, "USER_ID": ANNA}))[0] == 400
    assert len(await statistics(bitrix, CALL_ID=call)) == 1


# ---- recordings


async def _finished(bitrix: Bitrix) -> str:
    call = str((await bitrix.register())["CALL_ID"])
    await bitrix.finish(call)
    return call


async def _upload(bitrix: Bitrix, url: str, content: bytes = WAV, field: str = "file") -> Any:
    form = aiohttp.FormData()
    form.add_field(field, content, filename="call.wav", content_type="audio/wav")
    return await bitrix.send("POST", url, data=form)


async def test_a_recording_is_uploaded_in_two_steps(bitrix: Bitrix) -> None:
    call = await _finished(bitrix)
    step = await bitrix.ok("telephony.externalCall.attachRecord", {"CALL_ID": call, "FILENAME": "call.wav"})
    assert step["fieldName"] == "file"
    answer = await _upload(bitrix, step["uploadUrl"])
    assert answer.status == 200
    file_id = answer.body["result"]["FILE_ID"]
    row = (await statistics(bitrix, CALL_ID=call))[0]
    assert row["RECORD_FILE_ID"] == file_id
    async with bitrix.http.get(row["CALL_RECORD_URL"]) as stored:
        assert (await stored.read(), stored.content_type) == (WAV, "audio/wav")
    async with bitrix.http.get(row["CALL_RECORD_URL"], headers={"Range": "bytes=4-11"}) as part:
        assert (part.status, await part.read()) == (206, WAV[4:12])
    activity = await bitrix.ok("crm.activity.get", {"id": row["CRM_ACTIVITY_ID"]})
    assert [each["id"] for each in activity["FILES"]] == [file_id]


async def test_an_upload_address_is_used_once_and_expires_with_its_token(bitrix: Bitrix) -> None:
    call = await _finished(bitrix)
    body = {"CALL_ID": call, "FILENAME": "call.mp3"}
    step = await bitrix.ok("telephony.externalCall.attachRecord", body)
    assert (await _upload(bitrix, step["uploadUrl"])).status == 200
    assert (await _upload(bitrix, step["uploadUrl"])).body["error"] == "NO_AUTH_FOUND"
    late = await bitrix.ok("telephony.externalCall.attachRecord", body)
    bitrix.clock.time += 3600
    answer = await _upload(bitrix, late["uploadUrl"])
    assert (answer.status, answer.body["error"]) == (401, "expired_token")


async def test_an_empty_upload_is_refused_and_may_be_repeated(bitrix: Bitrix) -> None:
    call = await _finished(bitrix)
    step = await bitrix.ok("telephony.externalCall.attachRecord", {"CALL_ID": call, "FILENAME": "call.wav"})
    for answer in (await _upload(bitrix, step["uploadUrl"], b""), await _upload(bitrix, step["uploadUrl"], field="x")):
        assert answer.body == {"error": "ERROR_CORE", "error_description": "File content is empty."}
    assert (await _upload(bitrix, step["uploadUrl"])).status == 200


async def test_a_recording_inline_replaces_the_earlier_one(bitrix: Bitrix) -> None:
    call = await _finished(bitrix)
    body = {"CALL_ID": call, "FILENAME": "call.mp3", "FILE_CONTENT": base64.b64encode(b"first").decode()}
    first = await bitrix.ok("telephony.externalCall.attachRecord", body)
    body["FILE_CONTENT"] = base64.b64encode(b"second").decode()
    second = await bitrix.ok("telephony.externalCall.attachRecord", body)
    assert first["FILE_ID"] != second["FILE_ID"]
    assert [each.content for each in bitrix.portal.files.values()] == [b"second"]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"FILENAME": ""}, "File name is empty"),
        ({"FILENAME": "call.ogg"}, "Wrong file extension. Only wav and mp3 are allowed"),
        ({"FILENAME": "call"}, "Wrong file extension. Only wav and mp3 are allowed"),
        ({"FILE_CONTENT": ""}, "File content is empty."),
        (
            {"FILE_CONTENT": "data:audio/wav;base64,AAAA"},
            "File content is not properly encoded. Base64 encoding is expected.",
        ),
        ({"CALL_ID": "unknown"}, "Call is not found in the statistic table. Looks like it is not finished yet."),
        ({"CALL_ID": ""}, "Required parameters are not set: CALL_ID"),
    ],
)
async def test_attach_refuses_with_a_text(bitrix: Bitrix, changes: dict[str, Any], text: str) -> None:
    body = {"CALL_ID": await _finished(bitrix), "FILENAME": "call.wav", "FILE_CONTENT": "AAAA", **changes}
    assert await bitrix.refused("telephony.externalCall.attachRecord", body) == (400, "ERROR_CORE", text)


async def test_a_recording_before_finish_is_refused(bitrix: Bitrix) -> None:
    call = (await bitrix.register())["CALL_ID"]
    body = {"CALL_ID": call, "FILENAME": "call.wav", "FILE_CONTENT": "AAAA"}
    assert "not finished yet" in (await bitrix.refused("telephony.externalCall.attachRecord", body))[2]


async def test_a_recording_by_link_is_downloaded_within_the_request(bitrix: Bitrix) -> None:
    call = await _finished(bitrix)
    async with receiving(content=b"audio", content_type="audio/mpeg") as server:
        body = {"CALL_ID": call, "RECORD_URL": f"{server.url}/records/call%201.mp3"}
        file_id = (await bitrix.ok("telephony.externalCall.attachRecord", body))["FILE_ID"]
        assert (bitrix.portal.files[file_id].name, bitrix.portal.files[file_id].content) == ("call 1.mp3", b"audio")
        server.status = 404
        refused = await bitrix.refused("telephony.externalCall.attachRecord", body)
        assert refused[2] == "Server returns HTTP error code 404"
        server.status, server.content_type = 200, "text/html"
        assert (await bitrix.refused("telephony.externalCall.attachRecord", body))[1] == "ERROR_CORE"
    body["RECORD_URL"] = "http://127.0.0.1:9/call.mp3"
    assert (await bitrix.refused("telephony.externalCall.attachRecord", body))[2] == "SERVER_NOT_AVAILABLE"


async def test_a_batch_may_ask_for_the_upload_address(bitrix: Bitrix) -> None:
    call = await _finished(bitrix)
    command = f"telephony.externalCall.attachRecord?CALL_ID={call}&FILENAME=call.wav"
    answer = await bitrix.ok("batch", {"cmd": {"a": command}})
    assert (await _upload(bitrix, answer["result"]["a"]["uploadUrl"])).status == 200


async def test_a_transcript_belongs_to_a_finished_call(bitrix: Bitrix) -> None:
    call = await _finished(bitrix)
    message = {"SIDE": "User", "START_TIME": 0, "STOP_TIME": 3, "MESSAGE": "Здравствуйте"}
    body = {"CALL_ID": call, "MESSAGES": [message]}
    given = await bitrix.ok("telephony.call.attachTranscription", body)
    assert (await statistics(bitrix, CALL_ID=call))[0]["TRANSCRIPT_ID"] == str(given["TRANSCRIPT_ID"])
    for wrong in ([], [{**message, "SIDE": "Robot"}], [{**message, "STOP_TIME": 0}], ["text"]):
        assert (await bitrix.refused("telephony.call.attachTranscription", {**body, "MESSAGES": wrong}))[0] == 400


# ---- lines, search, statistics


async def test_lines_belong_to_the_application(bitrix: Bitrix) -> None:
    added = await bitrix.ok("telephony.externalLine.add", {"NUMBER": "74957770000", "NAME": "Реклама"})
    assert isinstance(added["ID"], int)
    line = {"NUMBER": "74957770000", "NAME": "Реклама", "CRM_AUTO_CREATE": "Y"}
    assert await bitrix.ok("telephony.externalLine.get") == [line]
    changed = {"NUMBER": "74957770000", "NAME": "Сайт", "CRM_AUTO_CREATE": "N"}
    assert await bitrix.ok("telephony.externalLine.update", changed) == {"ID": str(added["ID"])}
    assert await bitrix.ok("telephony.externalLine.get") == [changed]
    for method, body, text in (
        ("add", {}, "NUMBER should not be empty"),
        ("add", {"NUMBER": "74957770000"}, "Line already exists"),
        ("update", {"NUMBER": "74957770000"}, "There are no fields to update"),
        ("update", {"NUMBER": "1", "NAME": "x"}, "Could not find line with number 1"),
        ("delete", {"NUMBER": "1"}, "Could not find line with number 1"),
    ):
        assert await bitrix.refused(f"telephony.externalLine.{method}", body) == (400, "ERROR_CORE", text)
    assert await bitrix.ok("telephony.externalLine.delete", {"NUMBER": "74957770000"}) == []


async def test_the_search_gives_contacts_leads_companies_with_their_responsible(bitrix: Bitrix) -> None:
    found = await bitrix.ok("telephony.externalCall.searchCrmEntities", {"PHONE_NUMBER": "+79037654321"})
    assert [each["CRM_ENTITY_TYPE"] for each in found] == ["CONTACT", "CONTACT", "LEAD"]
    assert found[0]["ASSIGNED_BY_ID"] == VERA
    assert found[0]["ASSIGNED_BY"] == {
        "ID": str(VERA),
        "TIMEMAN_STATUS": "CLOSED",
        "USER_PHONE_INNER": "103",
        "WORK_PHONE": None,
        "PERSONAL_PHONE": None,
        "PERSONAL_MOBILE": "+79995550103",
    }
    assert await bitrix.ok("telephony.externalCall.searchCrmEntities", {"PHONE_NUMBER": STRANGER}) == []
    assert (await bitrix.refused("telephony.externalCall.searchCrmEntities"))[2] == "PHONE_NUMBER is empty"
    await bitrix.control("portals/acme", {"has_timeman": False})
    found = await bitrix.ok("telephony.externalCall.searchCrmEntities", {"PHONE_NUMBER": IVAN})
    assert found[0]["ASSIGNED_BY"]["TIMEMAN_STATUS"] == "NOT_INSTALLED"


async def test_statistics_are_sorted_by_a_field_name_and_paged(bitrix: Bitrix) -> None:
    for number in range(3):
        call = await bitrix.register(EXTERNAL_CALL_ID=f"pbx-{number}")
        await bitrix.finish(call["CALL_ID"], DURATION=10 * (number % 2))
    rows = await bitrix.ok("voximplant.statistic.get", {"SORT": "ID", "ORDER": "DESC"})
    assert [row["EXTERNAL_CALL_ID"] for row in rows] == ["pbx-2", "pbx-1", "pbx-0"]
    assert [row["EXTERNAL_CALL_ID"] for row in await statistics(bitrix, CALL_FAILED_CODE="200")] == ["pbx-1"]
    assert (await bitrix.refused("voximplant.statistic.get", {"SORT": "CALL_TYPE"}))[0] == 400
    bitrix.portal.users[ANNA]["SEES_STATISTICS"] = False
    token = await bitrix.as_user(ANNA)
    assert (await bitrix.refused("voximplant.statistic.get", token=token))[:2] == (403, "ACCESS_DENIED")


async def test_a_lost_answer_to_register_and_finish_is_found_in_the_statistics(bitrix: Bitrix) -> None:
    await bitrix.control("faults", {"kind": "timeout_after_store", "seconds": 0})
    with pytest.raises(aiohttp.ClientError):
        await bitrix.register(EXTERNAL_CALL_ID="pbx-lost")
    call = (await bitrix.register(EXTERNAL_CALL_ID="pbx-lost"))["CALL_ID"]
    assert len(bitrix.portal.live) == 1
    await bitrix.control("faults", {"kind": "timeout_after_store", "seconds": 0})
    with pytest.raises(aiohttp.ClientError):
        await bitrix.finish(call)
    assert [row["CALL_ID"] for row in await statistics(bitrix, EXTERNAL_CALL_ID="pbx-lost")] == [call]
