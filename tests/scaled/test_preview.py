"""A preview campaign with three processes: the page, the PBX and the campaign may each be another one's."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any

import pytest

from tests.e2e.admin import administrator
from tests.e2e.dozvon_process import DozvonProcess
from tests.e2e.test_campaign_dialled import campaign_of
from tests.e2e.widget_page import WidgetPage
from tests.lab.waiting import until
from tests.scaled.town import PASSWORD, PATIENCE_SECONDS, Town

pytestmark = [pytest.mark.servers, pytest.mark.asyncio(loop_scope="package"), pytest.mark.timeout(300)]

# Of nobody in the CRM, and of no other test of this town: who has just talked to the office is not shown.
_NUMBERS = {"Павел": "79031110101", "Раиса": "79031110102", "Дарья": "79031110103"}
LIST = "ФИО;Телефон\r\n" + "".join(f"{name};{number}\r\n" for name, number in _NUMBERS.items())


def dials(town: Town) -> list[DozvonProcess]:
    """The processes that took a campaign, in no order."""
    return [
        each
        for each in town.processes
        if each.is_alive and any(said["lease"].startswith("campaign ") for said in each.said("a lease was taken"))
    ]


async def shown(page: WidgetPage) -> dict[str, Any]:
    """The next client who is shown on this page."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            offer: dict[str, Any] | None = (await page.gets("offer"))["offer"]
            if offer is not None:
                return offer


async def calls(town: Town, page: WidgetPage, press: dict[str, Any]) -> None:
    """Press until Anna's phone rings, as a person does: who presses while no process dials is told to press again."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while town.office.is_free("101"):
            await page.socket.send_json({**press, "at": time.time()})
            with contextlib.suppress(TimeoutError):
                await until(lambda: not town.office.is_free("101"), timeout_seconds=6.0)


async def test_a_client_is_shown_by_any_process_and_called_by_way_of_any(town: Town) -> None:
    logged = len(town.crm.counts())
    async with administrator(town.url, PASSWORD) as person:
        path = await campaign_of(person, LIST, account="town", mode="preview", **{"employee.102": ""})
        await person.send(f"{path}/state", {"state": "running"})
        await until(lambda: bool(dials(town)), timeout_seconds=PATIENCE_SECONDS)
        (leader,) = dials(town)
        other = next(each for each in town.processes if each is not leader)
        async with town.page(other) as page:
            first = await shown(page)
            assert first["name"] == "Павел"
            press = {"type": "offer", "campaign": first["campaign"], "entry": first["entry"]}
            await page.socket.send_json({**press, "action": "skip", "at": time.time()})
            second = await shown(page)
            assert second["name"] == "Раиса"
            leader.kill()
            await until(lambda: bool(dials(town)), timeout_seconds=PATIENCE_SECONDS)
            # Also where the PBX's link has died with it: the client waits for the next one.
            again = await shown(page)
            assert (again["entry"], again["until"]) == (second["entry"], second["until"])
            await calls(town, page, {**press, "entry": again["entry"], "action": "call"})
            await town.answer()
            await page.gets("call_updated", state="talking")
            await person.at(other.url).send(f"{path}/state", {"state": "stopped", "confirmed": "1"})
            town.hang_up()
    await town.in_the_crm(logged + 1)
    await town.is_well()
