"""Three processes take a changed configuration while people talk: no call is lost, and each is in the CRM once."""

from __future__ import annotations

import os
import signal
from functools import partial

import pytest

from tests.e2e.consent import consent
from tests.e2e.crm_site import ANNA, IVAN, MARIA, CrmSite
from tests.e2e.dozvon_process import DozvonProcess
from tests.e2e.widget_page import click
from tests.lab.ports import free_port
from tests.lab.waiting import until, until_told
from tests.scaled.town import PASSWORD, PATIENCE_SECONDS, Town

pytestmark = [pytest.mark.servers, pytest.mark.asyncio(loop_scope="package"), pytest.mark.timeout(300)]


async def _changed(town: Town, old: str, new: str) -> None:
    """In all three files, one process after the other, each told by SIGHUP."""
    for process in town.processes:
        text = process.config.read_text()
        assert old in text
        process.config.write_text(text.replace(old, new))
        times = len(process.said("the configuration was reloaded"))
        os.kill(process.pid, signal.SIGHUP)
        await process.says("the configuration was reloaded", times=times + 1, timeout_seconds=PATIENCE_SECONDS)


async def _says_that_the_login_is_refused(process: DozvonProcess) -> bool:
    """Two of three processes know it from the one that follows the PBX."""
    told = await process.health(timeout_seconds=PATIENCE_SECONDS)
    pbx = told["connections"]["pbx"]["office"]
    return (pbx["state"], pbx["reason"]) == ("retrying", "login_refused") and pbx["next_try"] is not None


async def test_a_wrong_secret_of_the_pbx_and_the_right_one_again(town: Town) -> None:
    """A call lasts over both changes."""
    logged = len(town.crm.counts())
    await town.talk(IVAN)
    await _changed(town, 'secret = "dozvon-secret"', 'secret = "wrong"')
    for process in town.processes:
        health = await process.health(timeout_seconds=PATIENCE_SECONDS, pbx="offline")
        assert health["accounts"]["town"]["crm"] == "connected"
        await until_told(partial(_says_that_the_login_is_refused, process), timeout_seconds=PATIENCE_SECONDS)
    await _changed(town, 'secret = "wrong"', 'secret = "dozvon-secret"')
    await town.is_well()
    town.hang_up()
    await town.in_the_crm(logged + 1)
    await town.talk(MARIA)
    town.hang_up()
    await town.in_the_crm(logged + 2)


async def test_a_line_is_added_without_a_new_link(town: Town) -> None:
    logged = len(town.crm.counts())
    holder = await town.holder()
    links = len(holder.said("linked to the PBX"))
    await town.talk(IVAN)
    first_line = "[account.amocrm]"
    await _changed(town, first_line, f'[account.line.79990001122]\nreserve = "102"\n{first_line}')
    town.hang_up()
    await town.in_the_crm(logged + 1)
    assert await town.holder() is holder
    assert len(holder.said("linked to the PBX")) == links
    await _changed(town, '[account.line.79990001122]\nreserve = "102"\n', "")


_SECOND = """

[[account]]
id = "second"
office = "town"
pbxs = ["office"]

{amocrm}
[account.employee]
101 = "{anna}"
"""


async def test_a_second_crm_joins_the_pbx_and_leaves_it(town: Town) -> None:
    """
    The phone 101 is Anna's in both CRMs. The process with the link is killed in a call, which both get once; the
    account is taken out in the middle of another one, which goes on for the first.
    """
    logged = len(town.crm.counts())
    other = CrmSite(free_port(), f"{town.url}/oauth/amocrm/second")
    await other.start()
    calls = town.processes[0].config.read_text()
    second = _SECOND.format(amocrm=other.table(), anna=ANNA)
    try:
        await _changed(town, calls[-20:], calls[-20:] + second)
        await consent(town.url, other, "second", PASSWORD)
        await town.is_well()
        town.office.call_from("101", IVAN)
        await town.talks()
        (await town.holder()).kill()
        await town.is_well()
        town.hang_up()
        await town.in_the_crm(logged + 1)
        await until(lambda: list(other.counts().values()) == [1], timeout_seconds=PATIENCE_SECONDS)

        (first, _) = await town.others()  # not the process with the link
        assert await click(town.session, first.url, other, ANNA, "+" + MARIA) == 202
        await town.answer()
        town.hang_up()
        await until(lambda: list(other.counts().values()) == [1, 1], timeout_seconds=PATIENCE_SECONDS)
        await town.in_the_crm(logged + 1)

        town.office.call_from("101", IVAN)
        await town.talks()
        await _changed(town, second, "")
        await town.is_well()
        town.hang_up()
        await town.in_the_crm(logged + 2)
    finally:
        if second in town.processes[0].config.read_text():
            await _changed(town, second, "")
        await other.stop()
