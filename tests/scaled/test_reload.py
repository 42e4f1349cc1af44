"""Three processes take a changed configuration while people talk: no call is lost, and each is in the CRM once."""

from __future__ import annotations

import os
import signal

import pytest

from tests.e2e.crm_site import IVAN, MARIA
from tests.scaled.town import PATIENCE_SECONDS, Town

pytestmark = [pytest.mark.servers, pytest.mark.asyncio(loop_scope="package"), pytest.mark.timeout(300)]


async def _changed(town: Town, old: str, new: str) -> None:
    """In all three files, one process after the other, each told by SIGHUP."""
    for process in town.processes:
        text = process.config.read_text()
        assert old in text
        process.config.write_text(text.replace(old, new))
        times = len(process.said("the configuration was read again"))
        os.kill(process.pid, signal.SIGHUP)
        await process.says("the configuration was read again", times=times + 1, timeout_seconds=PATIENCE_SECONDS)


async def test_a_wrong_secret_of_the_pbx_and_the_right_one_again(town: Town) -> None:
    """A call lasts over both changes."""
    logged = len(town.crm.counts())
    await town.talk(IVAN)
    await _changed(town, 'secret = "dozvon-secret"', 'secret = "wrong"')
    for process in town.processes:
        health = await process.health(timeout_seconds=PATIENCE_SECONDS, pbx="offline")
        assert health["accounts"]["town"]["crm"] == "connected"
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
