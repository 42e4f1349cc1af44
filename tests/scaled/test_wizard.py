"""A second office is set up on the wizard's pages of two processes, as behind a load balancer, while the first talks.

Nothing of the first office is lost, doubled or late.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from integration.domain.setup import Step
from pbx_adapter.asterisk.setup.route_text import FILE
from pbx_adapter.asterisk.simulator import DEMO_OFFICE, SimulatorSettings, running
from pbx_adapter.asterisk.simulator.office import Line, RingStep
from pbx_adapter.asterisk.simulator.simulator import Simulator
from tests.e2e.crm_site import ANNA, IVAN, CrmSite
from tests.e2e.wizard_forms import AMI_USER, WizardForms, signed_in
from tests.lab.ports import free_port
from tests.lab.waiting import until, until_told
from tests.scaled.steady_calls import SteadyCalls
from tests.scaled.town import PASSWORD, PATIENCE_SECONDS, Town, open_town

pytestmark = [pytest.mark.servers, pytest.mark.timeout(300)]

LINE = "74951110001"
LATEST_SECONDS = 30.0  # of a card in the first office: as long as a phone rings, also on a busy machine


@contextlib.asynccontextmanager
async def second_pbx(folder: Path) -> AsyncIterator[Simulator]:
    """Without Dozvon's dialplan."""
    people = replace(DEMO_OFFICE, lines=(Line(LINE, (RingStep(("101",), 60.0),)),))
    async with running(SimulatorSettings(office=people, users=(AMI_USER,), spool=folder, ami_port=0)) as (office, _):
        yield office


@contextlib.asynccontextmanager
async def cards_of(town: Town) -> AsyncIterator[dict[str, float]]:
    """By call of the first office: how many seconds after its beginning Anna's page told that it rings."""
    took: dict[str, float] = {}
    is_open = asyncio.Event()

    async def watch() -> None:
        async with town.page(town.processes[0]) as page:
            is_open.set()
            while True:
                card = await page.gets("call_updated", state="ringing")
                call = card["call"]  # told again while it rings, when something is found out about the client
                took.setdefault(call["id"], time.time() - call["started_at"])

    watching = asyncio.create_task(watch())
    try:
        await asyncio.wait_for(is_open.wait(), PATIENCE_SECONDS)
        yield took
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def test_a_second_office_by_the_wizard_while_the_first_one_talks(tmp_path: Path) -> None:
    jar = aiohttp.CookieJar(unsafe=True)
    async with (
        open_town(tmp_path, processes=2) as town,
        second_pbx(tmp_path) as pbx,
        aiohttp.ClientSession(cookie_jar=jar) as session,
    ):
        crm = CrmSite(free_port(), f"{town.url}/oauth/amocrm/second")
        await crm.start()
        calls = SteadyCalls(town)
        try:
            urls = [process.url for process in town.processes]
            wizard = await signed_in(session, urls, PASSWORD, address=town.url)
            links = links_of(town)
            async with cards_of(town) as took:
                talking = asyncio.create_task(calls.run())
                await calls.go_on()
                await set_up(wizard, pbx, crm)
                await calls.go_on()
                calls.stop()
                await talking
            assert len(took) == calls.made
            assert max(took.values()) < LATEST_SECONDS
            await town.in_the_crm(calls.made)
            assert links_of(town) == links + 1, "the first office's link is the old one, the second one's is new"
            await a_client_of_the_second_calls(pbx, crm)
            assert sum(town.crm.counts().values()) == calls.made, "the second office's call is not the first one's"
        finally:
            await crm.stop()


def links_of(town: Town) -> int:
    """How often a process was linked to a PBX since the start."""
    return sum(len(process.said("linked to the PBX")) for process in town.processes)


async def set_up(wizard: WizardForms, pbx: Simulator, crm: CrmSite) -> None:
    """From the second office's name to the end of the wizard; each request goes to the other process."""
    await wizard.begin("Second")
    await wizard.sent(wizard.at(Step.ADDRESS), do="skip")
    path = wizard.at(Step.PBX)
    form = {"host": "127.0.0.1", "port": str(pbx.ami.port), "username": "dozvon", "secret": "dozvon-secret"}
    assert (await wizard.sent(path, flavour="asterisk", **form)).status == 303
    await wizard.answers_routes_at(free_port())
    trunks = await wizard.sent(f"{path}?check=1", of=f"{path}/trunks")
    assert trunks.place == wizard.at(Step.CRM), trunks
    keys = {"client_id": crm.client_id, "client_secret": crm.client_secret, "oauth_url": f"{crm.url}/oauth"}
    saved = await wizard.sent(wizard.at(Step.CRM), variant="amocrm", account_hosts=crm.host, **keys)
    assert saved.status == 303, saved
    assert (await wizard.consent(crm)).place.startswith(wizard.at(Step.CRM))
    await until_told(lambda: _shows(wizard, Step.CRM, "Connected"), timeout_seconds=PATIENCE_SECONDS)
    assert (await wizard.sent(wizard.at(Step.CRM), do="done")).status == 303
    line = {"new_line": LINE, "new_name": "Second line"}
    assert (await wizard.sent(wizard.at(Step.LINES), do="add", **line)).status == 303
    assert (await wizard.sent(wizard.at(Step.LINES), do="next", responsible_seconds="17")).status == 303
    people = f"/admin/{wizard.office}/people"
    await until_told(lambda: _can_map(wizard, people), timeout_seconds=PATIENCE_SECONDS)
    mapped = await wizard.sent(people, **{f"extension.{ANNA}": "101"})
    assert mapped.status == 303, mapped.page.partition('class="banner')[2][:600]
    assert (await wizard.sent(wizard.at(Step.PEOPLE), do="next")).status == 303
    written = await wizard.ask("POST", wizard.at(Step.ROUTING), {"do": "write"})
    assert 'role="alert"' not in written.page
    pbx.files.include(FILE)  # the one line that is left to a person
    pbx.files.reload()
    assert (await wizard.ask("POST", wizard.at(Step.ROUTING), {"do": "next"})).status == 303
    assert (await wizard.sent(wizard.at(Step.REHEARSAL), do="finish")).place == f"/admin/{wizard.office}"
    assert pbx.files.agi, "the PBX asks us"
    for _ in range(4):  # both processes show what was saved
        assert 'value="17"' in await wizard.page(wizard.at(Step.LINES))
        assert 'value="101" selected' in await wizard.page(people)


async def _shows(wizard: WizardForms, step: Step, text: str) -> bool:
    return text in await wizard.page(wizard.at(step))


async def _can_map(wizard: WizardForms, people: str) -> bool:
    """Both processes know the CRM's people and the PBX's phones."""
    pages = [await wizard.page(people) for _ in range(2)]
    return all(f"extension.{ANNA}" in page and 'value="101"' in page for page in pages)


async def a_client_of_the_second_calls(pbx: Simulator, crm: CrmSite) -> None:
    pbx.inbound(IVAN, LINE)
    await until(lambda: _phone(pbx) == "ringing", timeout_seconds=PATIENCE_SECONDS)
    pbx.answer("101")
    await until(lambda: _phone(pbx) == "talking", timeout_seconds=PATIENCE_SECONDS)
    pbx.hangup("101")
    note = await crm.logged()
    assert (note["entity_id"], note["created_by"]) == (crm.contact("Иван Петров")["id"], ANNA)


def _phone(pbx: Simulator) -> str:
    (anna,) = (phone for phone in pbx.state()["phones"] if phone["extension"] == "101")
    return str(anna["state"])
