"""A click on the CRM's own page, and a client who asks to be called: the CRM's call is dialled, or finished."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from connectors.bitrix24.clicks import read_request
from integration.domain.calls.call import LegResult
from integration.domain.calls.events import LegEnded
from integration.domain.campaigns.callbacks import CallbackKind
from integration.domain.ids import LegId, ManagerId, Timestamp
from integration.domain.numbers.numbering import DEFAULT_NUMBERING
from integration.domain.settings import LineSettings
from integration.errors import Unavailable
from integration.ports.crm_requests import CallbackRequested, ClickRequested
from tests.services.conftest import ACME, CLIENT, DEAL, IVAN, STRANGER, answered, call, ended, offered, unanswered
from tests.services.portal import (
    ANNA,
    BORIS,
    PortalOffice,
    clicked,
    clicks_of,
    dialled,
    open_office,
    outgoing,
    talks,
)

GRIGORY = ManagerId("17")  # without an extension


@pytest_asyncio.fixture
async def office(tmp_path: Path) -> AsyncIterator[PortalOffice]:
    async with open_office(tmp_path) as made:
        yield made


def origin_of_last_click(office: PortalOffice) -> str:
    origin = office.world.pbx.clicks[-1].crm_call_id
    assert origin is not None
    return origin


async def test_the_portals_own_call_is_dialled_finished_and_never_registered_again(office: PortalOffice) -> None:
    click = await clicked(office)
    await clicks_of(office).take(office.world.account, click)
    [asked] = office.world.pbx.clicks
    assert (asked.extension, asked.number) == ("101", "+79161234567")
    now = office.world.clock.now()
    await office.emit(
        outgoing(now, crm_id=origin_of_last_click(office)),
        offered(now, "101", via="click"),
        *answered(now + 2, "101")[:1],
        dialled(now + 2),
        talks(now + 6, "101", with_=CLIENT),
    )
    await office.now()
    assert [live.id for live in office.live] == [click.id]
    assert office.card_at(click.id) == {int(ANNA)}
    await office.emit(ended(now + 36))
    await office.settled()
    [row] = office.finished
    assert (row["CALL_ID"], row["CALL_FAILED_CODE"], row["CALL_DURATION"]) == (click.id, "200", 30)
    assert (office.live, office.cards, office.requests("telephony.externalCall.register")) == ([], set(), 0)


async def test_a_transferred_click_takes_its_card_along(office: PortalOffice) -> None:
    click = await clicked(office)
    await clicks_of(office).take(office.world.account, click)
    now = office.world.clock.now()
    await office.emit(
        outgoing(now, crm_id=origin_of_last_click(office)),
        offered(now, "101", via="click"),
        *answered(now + 2, "101")[:1],
        dialled(now + 2),
        talks(now + 6, "101", with_=CLIENT),
    )
    await office.now()
    await office.emit(
        offered(now + 10, "102", via="transfer"),
        *answered(now + 12, "102"),
        LegEnded(call=call(), at=Timestamp(now + 12), leg=LegId("101"), result=LegResult.ANSWERED),
    )
    await office.now()
    assert office.card_at(click.id) == {int(BORIS)}
    await office.emit(ended(now + 36))
    await office.settled()
    assert ([row["PORTAL_USER_ID"] for row in office.finished], office.cards) == ([int(BORIS)], set())


async def test_an_employee_who_does_not_pick_up_has_the_portals_call_finished(office: PortalOffice) -> None:
    click = await clicked(office)
    await clicks_of(office).take(office.world.account, click)
    now = office.world.clock.now()
    await office.emit(
        outgoing(now, crm_id=origin_of_last_click(office)),
        offered(now, "101", via="click"),
        unanswered(now + 20, "101"),
        ended(now + 20),
    )
    await office.settled()
    [row] = office.finished
    assert (row["CALL_ID"], row["CALL_FAILED_CODE"], row["CALL_DURATION"]) == (click.id, "603-S", 0)
    assert "не ответил на свой телефон" in row["CALL_FAILED_REASON"]
    assert office.cards == set()


async def test_a_call_joined_to_another_one_leaves_no_card(office: PortalOffice) -> None:
    click = await clicked(office)
    await clicks_of(office).take(office.world.account, click)
    now = office.world.clock.now()
    await office.emit(outgoing(now, "101", crm_id=origin_of_last_click(office)), ended(now + 3))
    await office.settled()
    assert ([row["CALL_ID"] for row in office.finished], office.cards) == ([click.id], set())


@pytest.mark.parametrize("offline", [True, False])
async def test_a_click_that_cannot_ring_is_finished_and_the_user_is_told(office: PortalOffice, offline: bool) -> None:
    click = await clicked(office, user=ANNA if offline else GRIGORY)
    if offline:
        office.world.pbx.fail_next = [Unavailable("not connected")]
    await clicks_of(office).take(office.world.account, click)
    await office.settled()
    [row] = office.finished
    assert (row["CALL_ID"], row["CALL_DURATION"], row["PORTAL_USER_ID"]) == (click.id, 0, int(click.manager))
    assert row["CALL_FAILED_CODE"] == "603-S"
    [notice] = office.bitrix.portal.notices
    assert ("нет связи с АТС" if offline else "не назначен внутренний номер") in notice["MESSAGE"]
    assert (office.live, office.cards, office.world.pbx.clicks) == ([], set(), [])


async def test_a_portal_that_is_away_hears_later_of_a_click_that_did_not_ring(office: PortalOffice) -> None:
    click = await clicked(office)
    office.world.pbx.fail_next = [Unavailable("not connected")]
    await office.fault("html", count=6, status=503)
    await clicks_of(office).take(office.world.account, click)
    await office.settled()
    assert [row["CALL_ID"] for row in office.finished] == [click.id]


async def test_a_double_click_rings_once_leaves_no_open_card_and_is_told(office: PortalOffice) -> None:
    service = clicks_of(office)
    first, second = await clicked(office), await clicked(office)
    await service.take(office.world.account, first)
    await service.take(office.world.account, second)
    assert len(office.world.pbx.clicks) == 1
    await office.settled()
    assert [row["CALL_ID"] for row in office.finished] == [second.id]
    [notice] = office.bitrix.portal.notices
    assert "он уже набирается" in notice["MESSAGE"]


async def test_a_stale_click_does_not_ring(office: PortalOffice) -> None:
    click = await clicked(office)
    office.world.clock.advance(16)
    await clicks_of(office).take(office.world.account, click)
    await office.settled()
    assert (office.world.pbx.clicks, [row["CALL_ID"] for row in office.finished]) == ([], [click.id])


async def test_a_click_that_is_reported_again_rings_once(office: PortalOffice) -> None:
    click, service = await clicked(office), clicks_of(office)
    await service.take(office.world.account, click)
    await service.take(office.world.account, click)
    assert len(office.world.pbx.clicks) == 1
    now = office.world.clock.now()
    await office.emit(outgoing(now, crm_id=origin_of_last_click(office)), offered(now, "101", via="click"))
    office.world.clock.advance(60)
    other = clicks_of(office)  # after a restart, and long after the click
    await other.take(office.world.account, click)
    assert len(office.world.pbx.clicks) == 1
    assert [live.id for live in office.live] == [click.id], "it goes on"


async def test_two_reports_at_once_ring_once(office: PortalOffice) -> None:
    click, service = await clicked(office), clicks_of(office)
    outcomes = await asyncio.gather(
        *(service.take(office.world.account, click) for _ in range(5)), return_exceptions=True
    )
    assert len(office.world.pbx.clicks) == 1
    assert all(each is None or isinstance(each, Unavailable) for each in outcomes)
    assert len(office.live) == 1


# ---- a client who wants to be called ---------------------------------------------------------------------------------


def asks(office: PortalOffice, number: str = "+79161234567") -> CallbackRequested:
    data = {"PHONE_NUMBER": number, "TEXT": "Позвоните", "CRM_ENTITY_TYPE": "LEAD", "CRM_ENTITY_ID": "7"}
    found = read_request("OnExternalCallBackStart", data, office.world.clock.now())
    assert isinstance(found, CallbackRequested)
    return found


async def test_a_client_who_asks_is_called_by_the_responsible(office: PortalOffice) -> None:
    person = replace(IVAN, responsible=BORIS, updated_at=2)
    await office.world.storage.phone_book.put_persons(ACME, [person], numbering=DEFAULT_NUMBERING)
    settings = office.world.account.settings
    deals = replace(DEAL, is_open=False, updated_at=2)
    await office.world.storage.phone_book.put_deals(ACME, [deals])
    office.world.account.settings = replace(settings, default_responsible=ANNA)
    await clicks_of(office).take(office.world.account, asks(office))
    [asked] = office.world.pbx.clicks
    assert (asked.extension, asked.number) == ("102", "+79161234567")


async def test_a_callback_is_registered_as_one(office: PortalOffice) -> None:
    office.world.account.settings = replace(office.world.account.settings, default_responsible=ANNA)
    service, request = clicks_of(office), asks(office, f"+{STRANGER}")
    await service.take(office.world.account, request)
    await service.take(office.world.account, request)
    assert len(office.world.pbx.clicks) == 1
    now = office.world.clock.now()
    await office.emit(
        outgoing(now, STRANGER, crm_id=origin_of_last_click(office)),
        offered(now, "101", via="click"),
        *answered(now + 2, "101")[:1],
        dialled(now + 2, STRANGER),
        talks(now + 6, "101", with_=STRANGER),
        ended(now + 36),
    )
    await office.settled()
    [row] = office.finished
    assert (row["CALL_TYPE"], row["CALL_FAILED_CODE"]) == (4, "200")


async def test_a_client_whom_nobody_can_call_now_becomes_a_task(office: PortalOffice) -> None:
    office.world.account.settings = replace(office.world.account.settings, default_responsible=BORIS)
    office.world.pbx.fail_next = [Unavailable("not connected")]
    await clicks_of(office).take(office.world.account, asks(office, f"+{STRANGER}"))
    await office.settled()
    [row], [task] = office.finished, office.world.crm.tasks
    assert (row["CALL_TYPE"], row["CALL_DURATION"]) == (4, 0)
    assert task.target.kind == "lead"


@pytest.mark.parametrize("is_dialled", [True, False], ids=["nobody picks up", "the PBX is away"])
async def test_a_request_that_was_not_answered_is_repeated_where_the_line_says_so(
    office: PortalOffice, is_dialled: bool
) -> None:
    line = LineSettings(repeat_calls=True)
    office.world.account.settings = replace(office.world.account.settings, default_responsible=ANNA, default_line=line)
    if not is_dialled:
        office.world.pbx.fail_next = [Unavailable("not connected")]
    await clicks_of(office).take(office.world.account, asks(office, f"+{STRANGER}"))
    if is_dialled:
        now = office.world.clock.now()
        await office.emit(
            outgoing(now, STRANGER, crm_id=origin_of_last_click(office)),
            offered(now, "101", via="click"),
            unanswered(now + 20, "101"),
            ended(now + 20),
        )
    await office.settled()
    (waiting,) = await office.world.storage.callbacks.waiting(ACME)
    assert (waiting.kind, waiting.calls) == (CallbackKind.ASKED, 1)
    assert (waiting.entry.numbers[0].e164, waiting.entry.responsible) == (f"+{STRANGER}", ANNA)


async def test_a_callback_whose_employee_does_not_pick_up_becomes_a_task(office: PortalOffice) -> None:
    office.world.account.settings = replace(office.world.account.settings, default_responsible=ANNA)
    await clicks_of(office).take(office.world.account, asks(office, f"+{STRANGER}"))
    now = office.world.clock.now()
    await office.emit(
        outgoing(now, STRANGER, crm_id=origin_of_last_click(office)),
        offered(now, "101", via="click"),
        unanswered(now + 20, "101"),
        ended(now + 20),
    )
    await office.settled()
    assert len(office.world.crm.tasks) == 1


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("ONEXTERNALCALLSTART", {"PHONE_NUMBER": "+7916", "USER_ID": "14"}),
        ("ONEXTERNALCALLSTART", {"PHONE_NUMBER": "+7916", "USER_ID": "14", "CALL_ID": "a\nb"}),
        ("ONEXTERNALCALLSTART", {"PHONE_NUMBER": "+7916", "USER_ID": "14", "CALL_ID": "x" * 200}),
        ("ONEXTERNALCALLSTART", {"PHONE_NUMBER": "+7916", "USER_ID": "admin", "CALL_ID": "c.1"}),
        ("ONEXTERNALCALLSTART", {"PHONE_NUMBER": {"0": "+7916"}, "USER_ID": "14", "CALL_ID": "c.1"}),
        ("ONEXTERNALCALLSTART", {"PHONE_NUMBER": "9" * 100, "USER_ID": "14", "CALL_ID": "c.1"}),
        ("ONEXTERNALCALLBACKSTART", {}),
        ("ONCRMLEADADD", {"PHONE_NUMBER": "+7916", "USER_ID": "14", "CALL_ID": "c.1"}),
    ],
)
def test_an_event_that_asks_for_nothing_is_none(name: str, data: dict[str, object]) -> None:
    assert read_request(name, data, 1.0) is None


def test_the_international_form_is_dialled_where_the_portal_gives_it() -> None:
    data = {"PHONE_NUMBER": "8 (495) 111-22-33", "PHONE_NUMBER_INTERNATIONAL": "+74951112233", "USER_ID": "14"}
    found = read_request("OnExternalCallStart", {**data, "CALL_ID": "externalCall.5d.179"}, 5.0)
    assert found == ClickRequested(id="externalCall.5d.179", manager=ANNA, number="+74951112233", at=Timestamp(5.0))
