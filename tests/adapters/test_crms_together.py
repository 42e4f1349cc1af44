"""An account of amoCRM and two portals of Bitrix24 on one PBX: each call in exactly the CRMs that it belongs to.

The same extensions are different users in each CRM. A whole process, both sandboxes, the simulated PBX.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from connectors.amocrm.sandbox import SANDBOX as AMOCRM
from connectors.amocrm.sandbox import SandboxSettings as AmocrmSettings
from connectors.amocrm.sandbox import create_sandbox as create_amocrm
from connectors.amocrm.sandbox import tokens as amocrm_tokens
from connectors.amocrm.sandbox.account import Account
from connectors.amocrm.sandbox.oauth import mark_installed
from connectors.bitrix24.sandbox import SANDBOX, SandboxSettings, create_oauth_server, create_sandbox, frames
from connectors.bitrix24.sandbox.crm_kinds import KINDS_BY_NAME
from connectors.bitrix24.sandbox.install import finish, install
from connectors.bitrix24.sandbox.portal import Author, Portal
from connectors.bitrix24.sandbox.sandbox import Sandbox
from connectors.bitrix24.sandbox.session import Person
from integration.domain.ids import AccountId
from integration.ports.stores import OutboxState
from integration.process import config
from integration.process.process import Dozvon
from pbx_adapter.asterisk.simulator import DEMO_OFFICE, SimulatorSettings, running
from pbx_adapter.asterisk.simulator.simulator import Simulator
from tests.databases import with_tables
from tests.lab.ports import free_port
from tests.lab.waiting import until, until_told

AMO, NORTH, SOUTH = AccountId("amo"), AccountId("north"), AccountId("south")
AMO_AND_NORTH, NORTH_AND_SOUTH = "74950000001", "74950000010"  # lines
STRANGER, OTHER_STRANGER = "79991112233", "79994445566"
PATIENCE_SECONDS = 60.0
# 101 is Anna in amoCRM and in the northern portal, and the southern portal's only person; 102 has no user there.
PEOPLE = {AMO: {"101": "610077", "102": "610078"}, NORTH: {"101": "14", "102": "15"}, SOUTH: {"101": "1"}}
SECOND_APP = "local.second0000000.41870264"


@dataclass
class Town:
    dozvon: Dozvon
    pbx: Simulator
    amo: Account
    north: Portal
    south: Portal
    sandbox: Sandbox

    async def call(self, number: str, line: str, *, answers: str | None, also: str = "") -> None:
        """A client calls, `answers` takes the call and hangs up; None: nobody does, and the client gives up."""
        self.pbx.inbound(number, line, "")
        await until(lambda: self.state_of(answers or "101") == "ringing", timeout_seconds=PATIENCE_SECONDS)
        if answers is None:
            self.pbx.client_hangup(number)
        else:
            self.pbx.answer(answers)
            await until(lambda: self.state_of(answers) == "talking", timeout_seconds=PATIENCE_SECONDS)
            self.pbx.hangup(answers)
        await self.pbx.idle()

    def state_of(self, extension: str) -> str:
        return next(str(each["state"]) for each in self.pbx.state()["phones"] if each["extension"] == extension)

    def in_portal(self, portal: Portal) -> list[tuple[str, int, str]]:
        """The calls of a portal: number, user, result."""
        return [
            (str(row["PHONE_NUMBER"]), int(row["PORTAL_USER_ID"]), str(row["CALL_FAILED_CODE"]))
            for row in portal.statistics
        ]

    def in_amocrm(self) -> list[str]:
        """The numbers of the calls in feeds and in Unsorted."""
        calls = [note for note in self.amo.notes.values() if str(note["note_type"]).startswith("call_")]
        noted = [str(note["params"]["phone"]) for note in calls]
        waiting = [str(each["metadata"]["from"]) for each in self.amo.unsorted.values()]
        return [number.lstrip("+") for number in (*noted, *waiting)]

    async def settled(self, *, amo: int = 0, north: int = 0, south: int = 0) -> None:
        """At least so many calls are in each CRM, and everything that was queued for them is delivered."""
        await until(
            lambda: (
                len(self.in_amocrm()) >= amo
                and len(self.in_portal(self.north)) >= north
                and len(self.in_portal(self.south)) >= south
            ),
            timeout_seconds=PATIENCE_SECONDS,
        )

        async def is_empty() -> bool:
            depth = await self.dozvon.core.storage.outbox.depth()
            return not depth.get(OutboxState.WAITING)

        await until_told(is_empty, timeout_seconds=PATIENCE_SECONDS)


def lines(*named: str) -> dict[str, Any]:
    return {"default": {"process": False}, **{each: {"process": True} for each in named}}


def document(ports: dict[str, int], folder: Path) -> dict[str, Any]:
    url = f"http://127.0.0.1:{ports['dozvon']}"
    amocrm, application = AmocrmSettings(), SandboxSettings()
    portals = {
        "client_secret": application.client_secret,
        "oauth_url": f"http://127.0.0.1:{ports['oauth']}",
    }
    return {
        "server": {
            "listen": f"127.0.0.1:{ports['dozvon']}",
            "public_url": url,
            "data_dir": str(with_tables(folder / "data")),
        },
        "account": [
            {
                "id": AMO,
                "line": lines(AMO_AND_NORTH),
                "employee": PEOPLE[AMO],
                "amocrm": {
                    "client_id": amocrm.client_id,
                    "client_secret": amocrm.client_secret,
                    "oauth_url": f"http://127.0.0.1:{ports['amo']}/oauth",
                    "account_hosts": rf"127\.0\.0\.1:{ports['amo']}",
                    "api_host": f"127.0.0.1:{ports['amo']}",
                },
                "asterisk": {
                    "host": "127.0.0.1",
                    "port": ports["ami"],
                    "username": "dozvon",
                    "secret": "dozvon-secret",
                    "fastagi": {"host": "127.0.0.1", "port": ports["agi"], "path": "together-questions"},
                    "recordings": {"path": str(folder / "spool")},
                    "originate_context": "internal",
                },
            },
            *(
                {
                    "id": key,
                    "office": AMO,
                    "crm": "bitrix24",
                    "pbxs": [f"{AMO}-pbx"],
                    "line": lines(*own),
                    "employee": PEOPLE[key],
                    "bitrix24": {**portals, "client_id": client_id, "events": events},
                }
                for key, client_id, events, own in (
                    (NORTH, application.client_id, "asking", (AMO_AND_NORTH, NORTH_AND_SOUTH)),
                    (SOUTH, SECOND_APP, "address", (NORTH_AND_SOUTH,)),
                )
            ),
        ],
    }


async def serve(stack: AsyncExitStack, app: web.Application, port: int) -> None:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", port).start()


async def connect_amocrm(app: web.Application, process: Dozvon, ports: dict[str, int]) -> Account:
    sandbox = app[AMOCRM]
    integration = sandbox.integrations[sandbox.settings.client_id]
    account = next(iter(sandbox.accounts.values()))
    mark_installed(account, integration, account.admin())
    query = {
        "code": amocrm_tokens.issue_code(sandbox, integration, account, account.admin()),
        "referer": f"127.0.0.1:{ports['amo']}",
        "client_id": integration.client_id,
        "state": await process.web.consents.state_for(AMO),
    }
    async with aiohttp.ClientSession() as http:
        url = URL(integration.redirect_uri).update_query(query)
        async with http.get(url, allow_redirects=False) as answer:
            assert answer.status == 303
    return account


async def connect_portal(app: web.Application, name: str, client_id: str, page: str) -> Portal:
    """As an administrator of the portal does it on its pages."""
    sandbox = app[SANDBOX]
    portal = sandbox.portal_named(name)
    assert portal is not None
    card = sandbox.apps[client_id]
    card.handler_url = card.install_url = page
    who = Person(sandbox=sandbox, portal=portal, user=portal.admin())
    added = await install(app, portal, card, who.id)
    opened = frames.open_frame(who, added, page, "DEFAULT", {}, origin=sandbox.portal_origin(portal), lang="ru")
    async with aiohttp.ClientSession() as http, http.post(opened.action, data=opened.fields) as answer:
        assert answer.status == 200, await answer.text()
    finish(sandbox, portal, added)
    return portal


@asynccontextmanager
async def town(folder: Path) -> AsyncIterator[Town]:
    ports = {name: free_port() for name in ("dozvon", "amo", "portal", "oauth", "ami", "agi")}
    url = f"http://127.0.0.1:{ports['dozvon']}"
    async with AsyncExitStack() as stack:
        amocrm = create_amocrm(AmocrmSettings(port=ports["amo"], redirect_uri=f"{url}/oauth/amocrm/{AMO}"))
        await serve(stack, amocrm, ports["amo"])
        portals = create_sandbox(SandboxSettings(port=ports["portal"], oauth_port=ports["oauth"]))
        sandbox = portals[SANDBOX]
        sandbox.apps[SECOND_APP] = replace(sandbox.apps[sandbox.settings.client_id], client_id=SECOND_APP)
        await serve(stack, portals, ports["portal"])
        await serve(stack, create_oauth_server(sandbox), ports["oauth"])
        office = SimulatorSettings(
            office=DEMO_OFFICE, ami_port=ports["ami"], agi=f"agi://127.0.0.1:{ports['agi']}/together-questions",
            spool=folder / "spool", control_port=None, speed=4.0,
        )  # fmt: skip
        pbx, _ = await stack.enter_async_context(running(office))
        process = Dozvon(config.parse(document(ports, folder)))
        stack.push_async_callback(process.stop)
        await process.start()
        account = await connect_amocrm(amocrm, process, ports)
        north = await connect_portal(portals, "acme", sandbox.settings.client_id, f"{url}/oauth/bitrix24/{NORTH}")
        south = await connect_portal(portals, "acme-spb", SECOND_APP, f"{url}/oauth/bitrix24/{SOUTH}")
        made = Town(process, pbx, account, north, south, sandbox)
        await until(lambda: all(each.connector.is_known for each in process.members.values()))
        yield made


@pytest.fixture
async def together(tmp_path: Path) -> AsyncIterator[Town]:
    async with town(tmp_path) as made:
        yield made


async def test_each_call_is_in_exactly_the_crms_that_it_belongs_to(together: Town) -> None:
    await together.call(STRANGER, AMO_AND_NORTH, answers="101")
    await together.call(OTHER_STRANGER, NORTH_AND_SOUTH, answers="101")
    await together.settled(amo=1, north=2, south=1)
    assert together.in_amocrm() == [STRANGER]
    assert sorted(together.in_portal(together.north)) == [
        (f"+{STRANGER}", 14, "200"),
        (f"+{OTHER_STRANGER}", 14, "200"),
    ]
    assert together.in_portal(together.south) == [(f"+{OTHER_STRANGER}", 1, "200")]
    assert together.north.live == {}
    assert together.south.live == {}


async def test_an_extension_without_a_user_in_one_portal_belongs_to_somebody_in_the_other(together: Town) -> None:
    """102 took the call: Boris in the north, nobody in the south, where nothing is put down to somebody else."""
    await together.call(STRANGER, NORTH_AND_SOUTH, answers="102")
    await together.settled(north=1)
    assert together.in_portal(together.north) == [(f"+{STRANGER}", 15, "200")]
    assert together.in_amocrm() == []


@pytest.mark.parametrize("account", [NORTH, SOUTH])
async def test_a_new_client_of_a_portal_is_known_there_before_the_next_poll(together: Town, account: AccountId) -> None:
    """The north keeps its events until they are asked for, the south posts them."""
    portal = together.north if account == NORTH else together.south
    client_id = together.sandbox.settings.client_id if account == NORTH else SECOND_APP
    added = together.sandbox.install_of(portal, client_id)
    assert added is not None
    await until(lambda: any(each.event == "ONCRMCONTACTADD" for each in added.handlers), timeout_seconds=30)
    book, key = together.dozvon.core.storage.phone_book, STRANGER[1:]
    state = together.dozvon.mirror.state(account)
    await until(lambda: state.is_complete and state.has_webhooks, timeout_seconds=PATIENCE_SECONDS)
    phone = {"TYPE_ID": "PHONE", "VALUE_TYPE": "WORK", "VALUE": f"+{STRANGER}"}
    portal.create(KINDS_BY_NAME["CONTACT"], {"NAME": "Новый", "ASSIGNED_BY_ID": 1, "FM": [phone]}, Author(user_id=1))

    async def is_known() -> bool:
        return [each.name for each in await book.lookup(account, key)] == ["Новый"]

    await until_told(is_known, timeout_seconds=20)
    for other in {NORTH, SOUTH} - {account}:
        assert await book.lookup(other, key) == []


async def test_a_missed_call_is_missed_in_each_crm(together: Town) -> None:
    await together.call(STRANGER, NORTH_AND_SOUTH, answers=None)
    await together.settled(north=1, south=1)
    [(_, _, north)], [(_, user, south)] = together.in_portal(together.north), together.in_portal(together.south)
    assert (north, user, south) == ("304", 1, "304")
    assert together.in_amocrm() == []


async def test_a_portal_that_removes_the_application_leaves_the_others_alone(together: Town) -> None:
    members = together.dozvon.members
    removed = together.sandbox.install_of(together.south, SECOND_APP)
    assert removed is not None
    await until(lambda: any(each.event == "ONAPPUNINSTALL" for each in removed.handlers), timeout_seconds=30)
    async with aiohttp.ClientSession() as http:
        url = f"http://127.0.0.1:{together.sandbox.settings.port}/_sandbox/install/remove"
        async with http.post(url, json={"portal": together.south.name, "client_id": SECOND_APP}) as answer:
            assert answer.status == 200
    await until(lambda: not members[SOUTH].connector.is_known, timeout_seconds=PATIENCE_SECONDS)
    assert members[NORTH].connector.is_known
    assert members[AMO].connector.is_known
    await together.call(STRANGER, AMO_AND_NORTH, answers="101")
    await together.settled(amo=1, north=1)
    assert together.in_amocrm() == [STRANGER]
