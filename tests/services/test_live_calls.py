"""A call in a CRM that follows it while it lasts: registered once, its card at the right people, finished once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from integration.domain.calls.call import Direction, HangupBy, LegResult
from integration.domain.calls.events import CallDescribed, CallMerged, LegEnded
from integration.domain.ids import LegId, Timestamp
from integration.domain.settings import CardMoment, LineSettings, NewClient
from integration.errors import Unavailable
from integration.ports.stores import SavedStep
from integration.storage.sql.outbox import SqlOutbox
from tests.services.conftest import (
    ACME,
    CLIENT,
    DID,
    STRANGER,
    answered,
    answered_call,
    call,
    ended,
    missed_call,
    offered,
    started,
    unanswered,
)
from tests.services.portal import ANNA, BORIS, PortalOffice, dialled, not_reached, open_office, outgoing, talks
from tests.services.test_delivery import wav
from tests.services.test_recovery import FakeRecords, Gap
from tests.services.test_recovery import recorded as recorded_call

ANNAS, BORISES = int(ANNA), int(BORIS)


@pytest_asyncio.fixture
async def office(tmp_path: Path) -> AsyncIterator[PortalOffice]:
    async with open_office(tmp_path) as made:
        yield made


# ---- an incoming call ------------------------------------------------------------------------------------------------


async def test_the_card_opens_while_the_phone_rings_and_the_talk_is_in_the_portal(office: PortalOffice) -> None:
    now = office.world.clock.now()
    await office.emit(started(now), offered(now, "101"))
    await office.now()
    [live] = office.live
    assert (live.number, live.type, live.line, live.started_at) == ("+79161234567", 2, DID, int(now))
    assert office.card_at(live.id) == {ANNAS}
    await office.emit(*answered(now + 3, "101"), ended(now + 63))
    await office.now()
    [row] = office.finished
    assert (row["CALL_FAILED_CODE"], row["CALL_DURATION"], row["PORTAL_USER_ID"]) == ("200", 60, ANNAS)
    assert (row["CRM_ENTITY_TYPE"], bool(row["CRM_ACTIVITY_ID"])) == ("CONTACT", True)
    assert office.cards == set()


async def test_a_ringing_group_is_one_call_whose_cards_close_at_the_losers(office: PortalOffice) -> None:
    now = office.world.clock.now()
    await office.emit(started(now), offered(now, "101"), offered(now, "102"))
    await office.now()
    [live] = office.live
    assert office.card_at(live.id) == {ANNAS, BORISES}
    await office.emit(*answered(now + 3, "102"))
    await office.now()
    assert office.card_at(live.id) == {BORISES}
    await office.emit(ended(now + 30))
    await office.now()
    [row] = office.finished
    assert (row["PORTAL_USER_ID"], office.cards) == (BORISES, set())


async def test_a_call_that_passes_on_takes_its_card_along(office: PortalOffice) -> None:
    now = office.world.clock.now()
    await office.emit(started(now), offered(now, "101"))
    await office.now()
    await office.emit(unanswered(now + 10, "101"), offered(now + 10, "102"))
    await office.now(after=2)
    [live] = office.live
    assert office.card_at(live.id) == {BORISES}


async def test_a_transfer_moves_the_card_and_the_last_one_with_the_client_has_the_call(office: PortalOffice) -> None:
    now = office.world.clock.now()
    await office.emit(started(now), offered(now, "101"), *answered(now + 2, "101"))
    await office.now()
    await office.emit(
        offered(now + 20, "102", via="transfer"),
        *answered(now + 22, "102"),
        LegEnded(call=call(), at=Timestamp(now + 22), leg=LegId("101"), result=LegResult.ANSWERED),
    )
    await office.now()
    [live] = office.live
    assert office.card_at(live.id) == {BORISES}
    await office.emit(ended(now + 60))
    await office.now()
    [row] = office.finished
    assert (row["PORTAL_USER_ID"], office.cards) == (BORISES, set())


async def test_who_declines_sees_no_card_any_more(office: PortalOffice) -> None:
    now = office.world.clock.now()
    await office.emit(started(now), offered(now, "101"), offered(now, "102"))
    await office.now()
    await office.emit(LegEnded(call=call(), at=Timestamp(now + 2), leg=LegId("101"), result=LegResult.REJECTED))
    await office.now()
    [live] = office.live
    assert office.card_at(live.id) == {BORISES}


async def test_a_missed_call_is_304_of_the_lines_manager(office: PortalOffice) -> None:
    office.world.line(LineSettings(missed_responsible=BORIS, missed_task=False))
    now = office.world.clock.now()
    await office.emit(started(now, STRANGER), ended(now + 5))  # nobody's phone rang
    await office.settled()
    [row] = office.finished
    assert (row["CALL_FAILED_CODE"], row["PORTAL_USER_ID"], row["CALL_START_DATE"]) == ("304", BORISES, int(now))


async def test_nobody_named_for_missed_calls_still_loses_none(office: PortalOffice) -> None:
    now = office.world.clock.now()
    await office.emit(started(now, STRANGER), ended(now + 5))
    await office.settled()
    [row] = office.finished
    assert (row["CALL_FAILED_CODE"], row["PORTAL_USER_ID"]) == ("304", 1), "an administrator has it"


async def test_a_strangers_calls_make_one_lead(office: PortalOffice) -> None:
    now = office.world.clock.now()
    await office.emit(started(now, STRANGER), offered(now, "101"))
    await office.emit(started(now, STRANGER, "2.0"), offered(now, "102", "2.0"))
    await office.now()
    await office.emit(*answered(now + 2, "101"), ended(now + 9), ended(now + 12, "2.0"))
    await office.settled()
    rows = office.finished
    assert len({(row["CRM_ENTITY_TYPE"], row["CRM_ENTITY_ID"]) for row in rows}) == 1
    assert rows[0]["CRM_ENTITY_TYPE"] == "LEAD"
    assert len(rows) == 2


async def test_an_employees_mobile_makes_no_lead_and_no_noise(office: PortalOffice) -> None:
    now = office.world.clock.now()
    await office.emit(started(now, "79995550103"), offered(now, "101"))
    await office.now()
    await office.emit(*answered(now + 2, "101"), ended(now + 9))
    await office.settled()
    results = await office.results()
    assert "disabled for local users" in results["register_call"]["not_made"]
    assert results["log_call"]["skipped"] == "client_not_in_crm"
    assert results["log_call"]["crm_call"] == office.finished[0]["CALL_ID"]
    assert "client_not_in_crm" in [reason["code"] for reason in results["log_call"]["reasons"]]


async def test_hidden_callers_and_colleagues_are_not_registered(office: PortalOffice) -> None:
    now = office.world.clock.now()
    await office.emit(started(now, "anonymous"), offered(now, "101"), ended(now + 9))
    await office.settled()
    assert (office.live, office.finished, office.requests("register")) == ([], [], 0)


async def test_the_card_at_the_answer_opens_at_the_answer(office: PortalOffice) -> None:
    office.world.line(LineSettings(card=CardMoment.ANSWER))
    now = office.world.clock.now()
    await office.emit(started(now), offered(now, "101"), offered(now, "102"))
    await office.now()
    assert office.live == []
    await office.emit(*answered(now + 2, "102"))
    await office.now()
    [live] = office.live
    assert office.card_at(live.id) == {BORISES}


async def test_a_line_without_cards_is_written_at_the_end(office: PortalOffice) -> None:
    office.world.line(LineSettings(card=CardMoment.NEVER))
    now = office.world.clock.now()
    await office.emit(*answered_call(now))
    await office.settled()
    [row] = office.finished
    assert (row["CALL_FAILED_CODE"], row["CALL_START_DATE"], office.requests("show")) == ("200", int(now), 0)


# ---- an outgoing call ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("result", "code"),
    [
        (LegResult.BUSY, "486"),
        (LegResult.NOANSWER, "480"),
        (LegResult.REJECTED, "603"),
    ],
)
async def test_an_outgoing_call_in_vain_says_why(office: PortalOffice, result: LegResult, code: str) -> None:
    now = office.world.clock.now()
    await office.emit(outgoing(now), dialled(now + 1))
    await office.now()
    [live] = office.live
    assert (live.type, office.card_at(live.id)) == (1, {ANNAS})
    await office.emit(not_reached(now + 20, result), replace(ended(now + 20), hangup_by=HangupBy.CALLEE))
    await office.settled()
    [row] = office.finished
    assert (row["CALL_FAILED_CODE"], row["PORTAL_USER_ID"], office.cards) == (code, ANNAS, set())


async def test_who_hangs_up_while_the_client_rings_has_cancelled(office: PortalOffice) -> None:
    now = office.world.clock.now()
    await office.emit(outgoing(now), dialled(now + 1), ended(now + 4))
    await office.settled()
    assert [row["CALL_FAILED_CODE"] for row in office.finished] == ["603-S"]


async def test_a_click_whose_employee_does_not_pick_up_is_nothing_for_the_client(office: PortalOffice) -> None:
    now = office.world.clock.now()
    await office.emit(
        outgoing(now, crm_id="acme.a1b2c3d4e5"),
        offered(now, "101", via="click"),
        unanswered(now + 20, "101"),
        ended(now + 20),
    )
    await office.settled()
    assert (office.live, office.finished) == ([], [])


async def test_an_outgoing_talk_is_in_the_portal(office: PortalOffice) -> None:
    now = office.world.clock.now()
    await office.emit(outgoing(now), dialled(now + 1), talks(now + 5, "101", with_=CLIENT), ended(now + 25))
    await office.settled()
    [row] = office.finished
    assert (row["CALL_FAILED_CODE"], row["CALL_DURATION"], row["CALL_TYPE"]) == ("200", 20, 1)


# ---- recordings ------------------------------------------------------------------------------------------------------


async def test_the_recording_follows_the_end(office: PortalOffice) -> None:
    office.world.pbx.files["in.wav"] = wav()
    await office.emit(*answered_call(office.world.clock.now()))
    await office.settled()
    [row] = office.finished
    stored = office.bitrix.portal.files[row["RECORD_FILE_ID"]]
    assert (stored.name[-4:], stored.content_type) == (".mp3", "audio/mpeg")
    results = await office.results()
    assert results["attach_recording"]["file"] == str(row["RECORD_FILE_ID"])


async def test_an_address_that_has_expired_is_asked_for_again(office: PortalOffice) -> None:
    office.world.pbx.files["in.wav"] = wav()
    await office.fault("status", "upload", status=401, code="expired_token", description="The access token expired")
    await office.emit(*answered_call(office.world.clock.now()))
    await office.settled()
    assert office.finished[0]["RECORD_FILE_ID"]
    assert office.requests("attachRecord") == 2


async def test_a_portal_that_takes_no_files_now_gets_the_recording_later(office: PortalOffice) -> None:
    office.world.pbx.files["in.wav"] = wav()
    for _ in range(3):
        await office.fault("html", "upload", status=503)
    await office.emit(*answered_call(office.world.clock.now()))
    await office.now()
    assert office.finished, "the call does not wait for its recording"
    await office.settled()
    assert office.finished[0]["RECORD_FILE_ID"]


# ---- trouble ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["timeout_after_store", "drop", "html"])
@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("method", ["telephony.externalCall.register", "telephony.externalCall.finish", "batch"])
async def test_a_lost_answer_doubles_nothing(office: PortalOffice, kind: str, times: int, method: str) -> None:
    for _ in range(times):
        await office.fault(kind, method, seconds=0.01, status=503)
    now = office.world.clock.now()
    await office.emit(started(now), offered(now, "101"), offered(now, "102"))
    await office.now()
    await office.emit(*answered(now + 3, "101"), ended(now + 30))
    await office.settled()
    assert [row["CALL_FAILED_CODE"] for row in office.finished] == ["200"]
    assert (office.live, office.cards) == ([], set())


async def test_a_call_during_which_the_portal_was_away_is_there_afterwards_without_a_card(
    office: PortalOffice,
) -> None:
    await office.fault("html", count=-1, status=503)
    now = office.world.clock.now()
    await office.emit(*missed_call(now, STRANGER))
    await office.now(after=600)
    assert (office.live, office.finished) == ([], [])
    await office.bitrix.send("DELETE", f"{office.bitrix.base}/_sandbox/faults")
    await office.settled(3 * 3600)
    [row] = office.finished
    assert (row["CALL_START_DATE"], row["CALL_FAILED_CODE"]) == (int(now), "304")
    assert (office.live, office.cards) == ([], set())


async def test_a_lost_answer_to_a_call_written_afterwards_doubles_nothing(office: PortalOffice) -> None:
    """Its start is too old to be recognised: the statistics know."""
    await office.fault("timeout_after_store", "batch", seconds=0.01)
    now = office.world.clock.now()
    await office.emit(*missed_call(now - 7200, STRANGER))
    await office.settled()
    assert [row["CALL_START_DATE"] for row in office.finished] == [int(now - 7200)]
    assert office.live == []


async def test_a_dismissed_user_does_not_lose_the_call(office: PortalOffice) -> None:
    office.bitrix.portal.users[ANNAS]["ACTIVE"] = False
    office.world.account.settings = replace(office.world.account.settings, default_responsible=BORIS)
    await office.emit(*answered_call(office.world.clock.now()))
    await office.settled()
    assert [row["PORTAL_USER_ID"] for row in office.finished] == [BORISES]


async def test_a_call_that_the_portal_has_forgotten_is_written_whole(office: PortalOffice) -> None:
    now = office.world.clock.now()
    await office.emit(started(now), offered(now, "101"))
    await office.now()
    office.bitrix.portal.live.clear()
    await office.emit(*answered(now + 3, "101"), ended(now + 30))
    await office.settled()
    assert [row["CALL_FAILED_CODE"] for row in office.finished] == ["200"]


async def test_a_card_that_comes_too_late_is_not_opened(office: PortalOffice) -> None:
    now = office.world.clock.now()
    await office.emit(started(now), offered(now, "101"))
    await office.now(after=20)
    [live] = office.live
    assert office.card_at(live.id) == set()


async def waited_long(office: PortalOffice) -> None:
    """A caller has waited for 29 minutes in a queue; now Anna's phone rings."""
    now = office.world.clock.now()
    await office.emit(started(now - 29.5 * 60))
    await office.emit(offered(now, "101"))


async def test_after_a_long_wait_the_card_opens_once_the_call_has_its_id(office: PortalOffice) -> None:
    """The portal would not recognise a repeated registration: a card whose call has no id could never be closed."""
    await waited_long(office)
    await office.now()
    [live] = office.live
    assert office.card_at(live.id) == {ANNAS}
    assert office.requests("show") == 1
    await office.emit(ended(office.world.clock.now() + 5))
    await office.settled()
    assert (len(office.finished), office.cards) == (1, set())


@pytest.mark.parametrize("method", ["telephony.externalCall.register", "telephony.externalCall.show"])
async def test_after_a_long_wait_a_lost_answer_leaves_no_card_open(office: PortalOffice, method: str) -> None:
    await waited_long(office)
    await office.fault("timeout_after_store", method, seconds=0.1)
    await office.now()
    await office.now(after=30)
    await office.emit(ended(office.world.clock.now() + 5))
    await office.settled()
    assert office.cards == set()
    assert [row["CALL_FAILED_CODE"] for row in office.finished] == ["304"]


async def test_after_a_long_wait_a_kill_behind_the_registration_registers_no_second_call(
    office: PortalOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def killed(*_: object) -> None:
        raise Unavailable("killed")

    await waited_long(office)
    with monkeypatch.context() as patch:
        patch.setattr(SqlOutbox, "done", killed)
        await office.now()
    await office.now(after=40)  # the item's lease has run out
    await office.emit(ended(office.world.clock.now() + 5))
    await office.settled()
    assert (office.requests("register"), len(office.finished), office.cards) == (1, 1, set())


# ---- a gap of the link, and calls that turn out to be others ---------------------------------------------------------


async def test_an_end_that_nobody_saw_closes_the_card_before_the_records_are_asked(office: PortalOffice) -> None:
    now = office.world.clock.now()
    await office.emit(started(now), offered(now, "101"), *answered(now + 2, "101"))
    await office.now()
    await office.world.tracking.on_resync(frozenset(), Timestamp(now + 30))
    await office.now()
    assert (office.cards, office.finished) == (set(), [])
    await office.settled()
    assert [row["CALL_FAILED_CODE"] for row in office.finished] == ["200"]


async def test_a_call_found_in_the_records_is_written_with_its_recording(office: PortalOffice) -> None:
    office.world.pbx.files["in.wav"] = wav()
    gap = Gap(office.world, FakeRecords())
    await gap.watch(1)
    await gap.lost(60)
    gap.records.calls = [replace(recorded_call(office.world.clock.now() - 30), recordings=("in.wav",))]
    await gap.watch(30)
    await office.settled()
    [row] = office.finished
    assert (row["CALL_FAILED_CODE"], bool(row["RECORD_FILE_ID"]), office.live) == ("200", True, [])


async def test_a_recording_that_the_records_name_after_it_was_looked_for_is_attached(office: PortalOffice) -> None:
    office.world.pbx.files["in.wav"] = wav()
    gap = Gap(office.world, FakeRecords())
    await gap.watch(1)
    now = office.world.clock.now()
    await office.emit(started(now), offered(now, "101"), *answered(now + 2, "101"))
    await gap.lost(60)
    await office.world.tracking.on_resync(frozenset(), office.world.clock.now())
    await office.settled(300)  # the records say nothing for so long that the call goes without them
    assert [row["RECORD_FILE_ID"] for row in office.finished] == [None]
    gap.records.calls = [replace(recorded_call(now + 30), recordings=("in.wav",))]
    await gap.watch(420)
    await office.settled()
    [row] = office.finished
    assert row["RECORD_FILE_ID"]


async def test_a_recording_named_between_the_look_and_the_end_is_attached(office: PortalOffice) -> None:
    office.world.pbx.files["in.wav"] = wav()
    now = office.world.clock.now()
    await office.emit(started(now), offered(now, "101"), *answered(now + 2, "101"))
    await office.world.tracking.on_resync(frozenset(), Timestamp(now + 30))
    await office.fault("html", "batch", count=-1, status=503)
    await office.fault("html", "telephony.externalCall.finish", count=-1, status=503)
    await office.world.deliver(after=10)  # the recording was looked for, and the end is not delivered
    stored = await office.world.storage.calls.get(ACME, call())
    assert stored is not None
    await office.world.storage.calls.save([SavedStep(call=replace(stored, recordings=("in.wav",)))])
    await office.bitrix.send("DELETE", f"{office.bitrix.base}/_sandbox/faults")
    await office.settled()
    [row] = office.finished
    assert row["RECORD_FILE_ID"]


async def test_a_call_that_becomes_part_of_another_one_leaves_no_card_and_no_record(office: PortalOffice) -> None:
    now = office.world.clock.now()
    await office.emit(outgoing(now, STRANGER), dialled(now + 1, STRANGER))
    await office.now()
    assert len(office.cards) == 1
    await office.emit(CallMerged(call=call(), at=Timestamp(now + 9), into=call("2.0")))
    await office.settled()
    assert (office.cards, office.finished) == (set(), [])


async def test_a_call_that_turns_out_to_be_internal_leaves_no_card(office: PortalOffice) -> None:
    now = office.world.clock.now()
    await office.emit(started(now), offered(now, "101"))
    await office.now()
    await office.emit(CallDescribed(call=call(), at=Timestamp(now + 1), direction=Direction.INTERNAL), ended(now + 5))
    await office.settled()
    assert (office.cards, office.finished) == (set(), [])


async def test_a_restart_goes_on_with_the_registered_call(office: PortalOffice) -> None:
    now = office.world.clock.now()
    await office.emit(started(now), offered(now, "101"))
    await office.now()
    await office.world.tracking.end()
    await office.world.tracking.begin()
    await office.emit(offered(now + 5, "102"), *answered(now + 9, "102"), ended(now + 30))
    await office.settled()
    [row] = office.finished
    assert (row["PORTAL_USER_ID"], office.requests("telephony.externalCall.register")) == (BORISES, 1)
    assert (office.live, office.cards) == ([], set())


async def test_a_caller_who_waited_for_half_an_hour_still_has_a_card(office: PortalOffice) -> None:
    now = office.world.clock.now()
    await office.emit(started(now - 2400), offered(now, "101"))
    await office.now()
    [live] = office.live
    assert office.card_at(live.id) == {ANNAS}


# ---- lines -----------------------------------------------------------------------------------------------------------


async def test_lines_have_the_names_of_the_settings(office: PortalOffice) -> None:
    settings = office.world.account.settings
    office.world.account.settings = replace(settings, lines={DID: LineSettings(source="Реклама")})
    await office.emit(*missed_call(office.world.clock.now()))
    await office.settled()
    [line] = office.bitrix.portal.lines.values()
    assert (line["NUMBER"], line["NAME"]) == (DID, "Реклама")


async def test_a_line_without_settings_has_its_number_as_name(office: PortalOffice) -> None:
    await office.emit(*missed_call(office.world.clock.now()))
    await office.settled()
    [line] = office.bitrix.portal.lines.values()
    assert (line["NUMBER"], line["NAME"]) == (DID, DID)


async def test_a_line_is_published_again_only_when_it_changes(office: PortalOffice) -> None:
    now = office.world.clock.now()
    for number in range(3):
        await office.emit(*missed_call(now + 60 * number, uniqueid=f"{number}.0"))
        await office.settled()
    assert office.requests("telephony.externalLine.get") == 1
    settings = office.world.account.settings
    office.world.account.settings = replace(settings, lines={DID: LineSettings(new_client=NewClient.NEVER)})
    await office.emit(*missed_call(now + 300, uniqueid="9.0"))
    await office.settled()
    [line] = office.bitrix.portal.lines.values()
    assert (line["NAME"], line["CRM_AUTO_CREATE"]) == (f"+{DID}", "N")
