"""kill -9 in the middle of every step of the wizard: what was said to be saved is there, and the wizard goes on.

Dozvon dies after each thing that a form stores or writes into the PBX, also the last one, whose answer nobody gets. The
telephone system is simulated, the CRM is the sandbox.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from integration.domain.setup import Step
from integration.texts.setup import setup_texts
from pbx_adapter.asterisk.simulator import SimulatorSettings, running
from pbx_adapter.asterisk.simulator.simulator import Simulator
from tests.e2e.crm_site import CrmSite
from tests.e2e.dozvon_process import DozvonProcess
from tests.e2e.wizard_forms import AMI_USER, Lost, Reply, WizardForms, signed_in
from tests.lab.ports import free_port
from tests.lab.waiting import until_told

pytestmark = pytest.mark.timeout(900)

PASSWORD = "a password of the file"
MOST_KILLS = 60  # of one form: it would store without end
_CONFIG = """\
[server]
listen = "127.0.0.1:{port}"
data_dir = "{data}"
admin_password = "{password}"
"""
Act = Callable[[], Awaitable[Reply]]


@dataclass
class Mortal:
    """
    Attributes:
        said: what answers have confirmed so far, by the page that has to show it.
        kills: how often it died, by step.
    """

    process: DozvonProcess
    wizard: WizardForms
    crm: CrmSite
    pbx: Simulator
    said: dict[str, list[str]] = field(default_factory=dict)
    kills: dict[str, int] = field(default_factory=dict)

    @property
    def order(self) -> Path:
        return self.process.config.with_suffix(".kill")

    async def survives(self, name: str, method: str, path: str, act: Act, *, then: set[Step]) -> Reply:
        """
        Do something again and again, each time killed one thing later, until it is answered.

        Args:
            path: of the request that is killed.
            then: where the wizard may go on after each kill.
        """
        for after in itertools.count(1):
            assert after < MOST_KILLS
            self.order.write_text(json.dumps({"method": method, "path": path, "after": after}))
            try:
                reply = await act()
            except Lost:
                await self.process.ended()
                self.kills[name] = self.kills.get(name, 0) + 1
                self.order.unlink()
                await self.process.start()
                await self.is_whole(then)
                continue
            self.order.unlink()
            assert reply.status in (200, 303), (name, reply)
            assert 'role="alert"' not in reply.page, (name, reply.page.partition('role="alert"')[2][:300])
            return reply
        raise AssertionError

    async def is_whole(self, then: set[Step]) -> None:
        """Every page opens and shows what was said to be saved; there is one office; the wizard goes on there."""

        async def goes_on() -> bool:
            return await self.wizard.resumed() in then

        if not self.wizard.office:
            return
        await until_told(goes_on)
        assert await self.wizard.offices() == {self.wizard.office}
        for step in Step:
            reply = await self.wizard.ask("GET", self.wizard.at(step))
            assert reply.status in (200, 303), (step, reply)
        for path, texts in self.said.items():
            page = await self.wizard.page(path)
            assert [text for text in texts if text not in page] == [], path


@pytest_asyncio.fixture
async def mortal(tmp_path: Path) -> AsyncIterator[Mortal]:
    port = free_port()
    config = tmp_path / "dozvon.toml"
    config.write_text(_CONFIG.format(port=port, data=tmp_path / "data", password=PASSWORD))
    url = f"http://127.0.0.1:{port}"
    crm = CrmSite(free_port(), f"{url}/oauth/amocrm/acme")
    await crm.start()
    simulated = SimulatorSettings(users=(AMI_USER,), spool=tmp_path)
    async with (
        aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session,
        running(simulated) as (pbx, _),
    ):
        process = DozvonProcess(config, url, session, module="tests.e2e.dying_process")
        try:
            await process.start()
            yield Mortal(process, await signed_in(session, [url], PASSWORD), crm, pbx)
        finally:
            process.kill()
            process.print_log()
            await crm.stop()


async def test_nothing_that_was_saved_is_lost_and_the_wizard_goes_on(mortal: Mortal) -> None:
    await _begin(mortal)
    for step in (_address, _pbx, _crm, _lines, _people, _routing, _rehearsal):
        await step(mortal)
    print(mortal.kills)
    assert set(mortal.kills) == {
        "begin", "keep", "address", "pbx", "trunks", "crm", "consent", "crm done", "line", "lines", "people", "write",
        "routing", "rehearsal",
    }  # fmt: skip
    assert mortal.kills["write"] >= 4, "the files, the copy, the reload"


async def _begin(mortal: Mortal) -> None:
    """The form is sent again as it was: the administrator reloads the page that got no answer."""
    wizard = mortal.wizard
    token = "0123456789abcdef" * 2
    form = {"name": "Acme", "country": "UA", "language": "uk", "time_zone": "Europe/Kyiv", "form": token}
    reply = await mortal.survives(
        "begin", "POST", "/admin/setup/new", lambda: wizard.ask("POST", "/admin/setup/new", form), then=set()
    )
    assert reply.place == "/admin/setup/acme/address"
    wizard.office = reply.place.split("/")[3]  # type: ignore[assignment]
    mortal.said[wizard.at(Step.OFFICE)] = ['value="Acme"', 'value="Europe/Kyiv"']
    await mortal.is_whole({Step.ADDRESS})


async def _address(mortal: Mortal) -> None:
    """First a half-filled form; then the address, with which Dozvon starts again, and another one in its place."""
    wizard, path, url = mortal.wizard, mortal.wizard.at(Step.ADDRESS), mortal.process.url
    other = url.replace("127.0.0.1", "localhost")
    typed = {"public_url": other}
    await mortal.survives(
        "keep", "POST", f"{path}/kept", lambda: _kept(wizard.ask("POST", f"{path}/kept", typed)), then={Step.ADDRESS}
    )
    mortal.said[path] = [f'value="{other}"']
    sent = await mortal.survives(
        "address", "POST", path, lambda: wizard.sent(path, public_url=other), then={Step.ADDRESS, Step.PBX}
    )
    assert other in sent.page
    assert (await wizard.sent(path, public_url=url)).status == 303
    mortal.said[path] = [f'value="{url}"']
    await mortal.process.says("the address was changed in the browser: starting again with it")
    mortal.process.kill()  # in the middle of that
    await mortal.process.start()
    await mortal.is_whole({Step.PBX})


async def _kept(reply: Awaitable[Reply]) -> Reply:
    """`keep` answers without a page."""
    found = await reply
    assert found.status == 204
    return Reply(200, "", "")


async def _pbx(mortal: Mortal) -> None:
    wizard, path = mortal.wizard, mortal.wizard.at(Step.PBX)
    form = {
        "flavour": "freepbx", "host": "127.0.0.1", "port": str(mortal.pbx.ami.port), "username": "dozvon",
        "secret": "dozvon-secret",
    }  # fmt: skip
    await mortal.survives("pbx", "POST", path, lambda: wizard.sent(path, **form), then={Step.PBX})
    await wizard.answers_routes_at(free_port())
    mortal.said[path] = [f'value="{form["port"]}"', 'value="freepbx" checked', "dozvon-secret"]
    await mortal.survives(
        "trunks",
        "POST",
        f"{path}/trunks",
        lambda: wizard.sent(f"{path}?check=1", of=f"{path}/trunks"),
        then={Step.PBX, Step.CRM},
    )


async def _crm(mortal: Mortal) -> None:
    wizard, crm, path = mortal.wizard, mortal.crm, mortal.wizard.at(Step.CRM)
    form = {
        "variant": "amocrm", "client_id": crm.client_id, "client_secret": crm.client_secret,
        "oauth_url": f"{crm.url}/oauth", "account_hosts": crm.host.replace(".", r"\."),
    }  # fmt: skip
    await mortal.survives("crm", "POST", path, lambda: wizard.sent(path, **form), then={Step.CRM})
    mortal.said[path] = [crm.client_id]
    back = f"/oauth/amocrm/{wizard.office}"
    reply = await mortal.survives("consent", "GET", back, lambda: wizard.consent(crm), then={Step.CRM})
    assert reply.place.startswith(path)
    await mortal.process.health(crm="connected")
    after = {Step.CRM, Step.LINES}
    await mortal.survives("crm done", "POST", path, lambda: wizard.sent(path, do="done"), then=after)


async def _lines(mortal: Mortal) -> None:
    wizard, path = mortal.wizard, mortal.wizard.at(Step.LINES)
    line = {"do": "add", "new_line": "74950000001", "new_name": "Реклама"}

    async def add() -> Reply:
        """Once more only if it is not there: that is what the page shows."""
        if "Реклама" in await wizard.page(path):
            return Reply(303, "", "")
        return await wizard.sent(path, **line)

    await mortal.survives("line", "POST", path, add, then={Step.LINES})
    mortal.said[path] = ["Реклама"]
    after = {Step.LINES, Step.PEOPLE}
    await mortal.survives(
        "lines", "POST", path, lambda: wizard.sent(path, do="next", responsible_seconds="17"), then=after
    )
    mortal.said[path].append('value="17"')


async def _people(mortal: Mortal) -> None:
    wizard, path = mortal.wizard, mortal.wizard.at(Step.PEOPLE)
    people = f"/admin/{wizard.office}/people"

    async def map_anna() -> Reply:
        page = await wizard.page(people)
        manager = page.partition('<select name="extension.')[2].partition('"')[0]
        return await wizard.sent(people, **{f"extension.{manager}": "101"})

    after = {Step.PEOPLE}
    await mortal.survives("people", "POST", people, map_anna, then=after)
    mortal.said[people] = ['value="101" selected']
    await wizard.sent(path, do="next")


async def _routing(mortal: Mortal) -> None:
    wizard, path = mortal.wizard, mortal.wizard.at(Step.ROUTING)

    async def write() -> Reply:
        reply = await wizard.ask("POST", path, {"do": "write"})
        assert 'role="alert"' not in reply.page, reply.page
        return reply

    written = await mortal.survives("write", "POST", path, write, then={Step.ROUTING})
    # A file that was made and not filled is no file of ours for sure: then the line is a person's to add.
    assert mortal.pbx.files.agi or setup_texts("en")["left_to_do"] in written.page
    await mortal.survives(
        "routing", "POST", path, lambda: wizard.ask("POST", path, {"do": "next"}), then={Step.ROUTING, Step.REHEARSAL}
    )


async def _rehearsal(mortal: Mortal) -> None:
    wizard, path = mortal.wizard, mortal.wizard.at(Step.REHEARSAL)
    await mortal.survives(
        "rehearsal", "POST", path, lambda: wizard.sent(path, do="finish"), then={Step.REHEARSAL, Step.OFFICE}
    )
    await mortal.process.health(pbx="connected", crm="connected")
    async with asyncio.timeout(20):
        assert await wizard.resumed() is Step.OFFICE, "everything is done"
