"""Accounts join and leave PBXs that others use, while people talk: no call of the others is lost or comes twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from integration.domain.calls.call import Call, Disposition
from integration.domain.calls.intents import IntentKind
from integration.domain.ids import AccountId, CallId, PbxId
from integration.errors import ConfigError
from integration.ports.stores import OutboxState
from integration.process.config import Config, parse
from integration.process.process import Dozvon
from pbx_adapter.asterisk.simulator import Simulator, SimulatorSettings, running
from tests.databases import with_tables
from tests.lab.ports import free_port
from tests.lab.waiting import until, until_told

SALES, SERVICE = AccountId("sales"), AccountId("service")
OFFICE, BRANCH = PbxId("office"), PbxId("branch")
CLIENT = "79161234567"
LINE = "74950000001"  # rings 101
ANNA, BORIS = "610077", "610078"
Table = dict[str, Any]


@dataclass
class Place:
    """A process and two simulated PBXs; the CRMs are never there, which nothing here needs."""

    folder: Path
    port: int
    pbxs: dict[PbxId, Simulator]
    agi: dict[PbxId, int] = field(default_factory=dict)

    def account(self, key: AccountId, people: Mapping[str, str], *pbxs: PbxId, **more: Any) -> Table:
        crm = "127.0.0.1:1"
        return {
            "id": key, "office": "acme", **({"pbxs": list(pbxs)} if pbxs else {}), "employee": dict(people), **more,
            "amocrm": {
                "client_id": f"6f0d3c1e-{key}", "client_secret": "s" * 40, "oauth_url": f"http://{crm}/oauth",
                "account_hosts": crm.replace(".", r"\."), "api_host": crm, "request_seconds": 1,
            },
        }  # fmt: skip

    def asterisk(self, pbx: PbxId, *, secret: str = "dozvon-secret") -> Table:
        return {
            "host": "127.0.0.1", "port": self.pbxs[pbx].ami.port, "username": "dozvon", "secret": secret,
            "fastagi": {"host": "127.0.0.1", "port": self.agi[pbx]},
        }  # fmt: skip

    def sales(self, *pbxs: PbxId, secret: str = "dozvon-secret", people: Mapping[str, str] | None = None) -> Table:
        """The account whose own PBX is the office."""
        own = {"pbx_id": OFFICE, "asterisk": self.asterisk(OFFICE, secret=secret)}
        return self.account(SALES, people or {"101": ANNA}, *pbxs, **own)

    def service(self, *pbxs: PbxId, people: Mapping[str, str] | None = None) -> Table:
        return self.account(SERVICE, people or {"101": BORIS}, *pbxs)

    def block(self, pbx: PbxId) -> Table:
        return {"id": pbx, "office": "acme", "asterisk": self.asterisk(pbx)}

    def config(self, *accounts: Table, pbxs: tuple[Table, ...] = ()) -> Config:
        server = {"listen": f"127.0.0.1:{self.port}", "data_dir": str(self.folder), "admin_password": "reload"}
        return parse({"server": server, "account": list(accounts), "pbx": list(pbxs)})


@pytest_asyncio.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with AsyncExitStack() as stack:
        pbxs = {}
        for key in (OFFICE, BRANCH):
            folder = tmp_path / key
            folder.mkdir()
            pbxs[key], _ = await stack.enter_async_context(running(SimulatorSettings(spool=folder, ami_port=0)))
        yield Place(with_tables(tmp_path / "data"), free_port(), pbxs, {key: free_port() for key in pbxs})


@pytest_asyncio.fixture
async def dozvon(place: Place) -> AsyncIterator[Dozvon]:
    """Runs with the account `sales` alone, whose PBX is connected."""
    running = Dozvon(place.config(place.sales()))
    await running.start()
    try:
        await _connected(running, OFFICE)
        yield running
    finally:
        await running.stop()


async def _connected(dozvon: Dozvon, *pbxs: PbxId) -> None:
    await until(lambda: all(pbx in dozvon.core.pbxs and dozvon.core.pbxs[pbx].connection.is_connected for pbx in pbxs))


def _live(dozvon: Dozvon, account: AccountId, pbx: PbxId = OFFICE) -> list[Call]:
    return dozvon.members[account].on[pbx].tracking.live_calls


async def _talk(dozvon: Dozvon, place: Place, pbx: PbxId = OFFICE) -> CallId:
    """A call from the carrier, answered by 101."""
    place.pbxs[pbx].inbound(CLIENT, LINE)
    await until(lambda: any(leg.ringing_at for call in _live(dozvon, SALES, pbx) for leg in call.legs))
    place.pbxs[pbx].answer("101")
    await until(lambda: any(call.answered_at for call in _live(dozvon, SALES, pbx)))
    (call,) = _live(dozvon, SALES, pbx)
    await _answered(dozvon, SALES, call.id)
    return call.id


async def _answered(dozvon: Dozvon, account: AccountId, call: CallId) -> None:
    """Wait until the journal has the answer of the call: a step that is cut off while it is saved is not seen."""

    async def is_answered() -> bool:
        stored = await dozvon.core.storage.calls.get(account, call)
        return stored is not None and stored.answered_at is not None

    await until_told(is_answered)


async def _ended(dozvon: Dozvon, account: AccountId, call: CallId) -> Call:
    """Wait until the journal has the end of the call."""
    ended: list[Call] = []

    async def is_over() -> bool:
        stored = await dozvon.core.storage.calls.get(account, call)
        ended[:] = [stored] if stored is not None and not stored.is_live else []
        return bool(ended)

    await until_told(is_over)
    return ended[0]


async def _logs(dozvon: Dozvon, account: AccountId) -> list[CallId]:
    """The calls whose log waits for the CRM."""
    waiting = await dozvon.core.storage.outbox.listing(account, [OutboxState.WAITING])
    return [item.call for item in waiting if item.kind is IntentKind.LOG_CALL]


async def test_an_account_joins_a_pbx_where_people_talk(place: Place, dozvon: Dozvon) -> None:
    """It gets the call that goes on, which is of a phone that both know; each logs it once."""
    call = await _talk(dozvon, place)
    await dozvon.reload(place.config(place.sales(), place.service(OFFICE)))
    await _connected(dozvon, OFFICE)
    await until(lambda: [live.id for live in _live(dozvon, SERVICE)] == [call])
    assert [live.id for live in _live(dozvon, SALES)] == [call]
    place.pbxs[OFFICE].hangup("101")
    for account in (SALES, SERVICE):
        assert (await _ended(dozvon, account, call)).disposition is Disposition.ANSWERED
        assert await _logs(dozvon, account) == [call]


async def test_an_account_leaves_a_pbx_where_people_talk(place: Place, dozvon: Dozvon) -> None:
    """For the one that stays the call goes on; for the one that leaves it ends, with what was seen of it."""
    await dozvon.reload(place.config(place.sales(), place.service(OFFICE), pbxs=(place.block(BRANCH),)))
    await _connected(dozvon, OFFICE)
    call = await _talk(dozvon, place)
    await _answered(dozvon, SERVICE, call)
    await dozvon.reload(place.config(place.sales(), place.service(BRANCH), pbxs=(place.block(BRANCH),)))
    await _connected(dozvon, OFFICE, BRANCH)
    left = await _ended(dozvon, SERVICE, call)
    assert (left.end_inferred, left.disposition) == (True, Disposition.ANSWERED)
    assert await _logs(dozvon, SERVICE) == [call]

    assert [live.id for live in _live(dozvon, SALES)] == [call]
    place.pbxs[OFFICE].hangup("101")
    stayed = await _ended(dozvon, SALES, call)
    assert (stayed.end_inferred, stayed.disposition) == (False, Disposition.ANSWERED)
    assert await _logs(dozvon, SALES) == [call]
    assert await _logs(dozvon, SERVICE) == [call]


async def test_what_was_another_accounts_is_not_logged_by_the_one_that_leaves(place: Place, dozvon: Dozvon) -> None:
    """Nobody names the line: while it lasts the call may be both's, at the end it is of those who talked."""
    service = {"people": {"102": BORIS}}
    await dozvon.reload(place.config(place.sales(), place.service(OFFICE, **service), pbxs=(place.block(BRANCH),)))
    await _connected(dozvon, OFFICE)
    call = await _talk(dozvon, place)
    await _answered(dozvon, SERVICE, call)
    await dozvon.reload(place.config(place.sales(), place.service(BRANCH, **service), pbxs=(place.block(BRANCH),)))
    await _connected(dozvon, OFFICE)
    assert (await _ended(dozvon, SERVICE, call)).elsewhere
    assert await dozvon.core.storage.calls.recent(SERVICE) == []
    place.pbxs[OFFICE].hangup("101")
    assert not (await _ended(dozvon, SALES, call)).elsewhere
    assert await _logs(dozvon, SALES) == [call]
    assert await _logs(dozvon, SERVICE) == []


async def test_an_account_leaves_a_pbx_between_two_starts(place: Place, dozvon: Dozvon) -> None:
    await dozvon.reload(place.config(place.sales(BRANCH), pbxs=(place.block(BRANCH),)))
    await _connected(dozvon, BRANCH)
    call = await _talk(dozvon, place, BRANCH)
    await dozvon.stop()
    other = Dozvon(place.config(place.sales()))
    await other.start()
    try:
        assert (await _ended(other, SALES, call)).end_inferred
        assert await _logs(other, SALES) == [call]
    finally:
        await other.stop()


async def test_a_wrong_secret_and_the_right_one_again(place: Place, dozvon: Dozvon) -> None:
    await dozvon.reload(place.config(place.sales(), place.service(OFFICE)))
    await _connected(dozvon, OFFICE)
    call = await _talk(dozvon, place)
    await dozvon.reload(place.config(place.sales(secret="wrong"), place.service(OFFICE)))
    await until(lambda: "secret" in dozvon.core.pbxs[OFFICE].connection.link.detail)
    await dozvon.reload(place.config(place.sales(), place.service(OFFICE)))
    await _connected(dozvon, OFFICE)
    for account in (SALES, SERVICE):
        assert [live.id for live in _live(dozvon, account)] == [call]
    place.pbxs[OFFICE].hangup("101")
    for account in (SALES, SERVICE):
        assert not (await _ended(dozvon, account, call)).end_inferred
        assert await _logs(dozvon, account) == [call]


async def test_a_second_pbx_comes_and_goes(place: Place, dozvon: Dozvon) -> None:
    """The first one's link is not touched; a call on the second one ends with it."""
    call = await _talk(dozvon, place)
    links = dozvon.members[SALES].main.tracking.links
    people = {"101": ANNA, "branch/101": BORIS}
    both = place.config(place.sales(BRANCH, people=people), pbxs=(place.block(BRANCH),))
    await dozvon.reload(both)
    await _connected(dozvon, BRANCH)
    _, asking = await asyncio.open_connection("127.0.0.1", place.agi[BRANCH])
    asking.close()
    there = await _talk(dozvon, place, BRANCH)
    await dozvon.reload(place.config(place.sales()))
    assert list(dozvon.core.pbxs) == [OFFICE]
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", place.agi[BRANCH])
    assert (await _ended(dozvon, SALES, there)).end_inferred
    assert [live.id for live in _live(dozvon, SALES)] == [call]
    assert dozvon.members[SALES].main.tracking.links == links
    place.pbxs[OFFICE].hangup("101")
    assert not (await _ended(dozvon, SALES, call)).end_inferred
    assert sorted(await _logs(dozvon, SALES)) == sorted([call, there])


async def test_the_account_goes_whose_own_pbx_another_one_uses(place: Place, dozvon: Dozvon) -> None:
    """The configuration is refused until the PBX has a block; then the other account's call goes on."""
    await dozvon.reload(place.config(place.sales(), place.service(OFFICE)))
    await _connected(dozvon, OFFICE)
    call = await _talk(dozvon, place)
    await until(lambda: [live.id for live in _live(dozvon, SERVICE)] == [call])
    with pytest.raises(ConfigError, match=r"account\.service\.pbxs.*office.*\[\[pbx\]\]"):
        await dozvon.reload(place.config(place.service(OFFICE)))
    assert set(dozvon.members) == {SALES, SERVICE}

    await dozvon.reload(place.config(place.service(OFFICE), pbxs=(place.block(OFFICE),)))
    assert set(dozvon.members) == {SERVICE}
    await _connected(dozvon, OFFICE)
    assert [live.id for live in _live(dozvon, SERVICE)] == [call]
    place.pbxs[OFFICE].hangup("101")
    assert not (await _ended(dozvon, SERVICE, call)).end_inferred
    assert await _logs(dozvon, SERVICE) == [call]
    assert await _logs(dozvon, SALES) == []  # its call waits for its return


async def test_an_account_that_comes_back_ends_its_call_right(place: Place, dozvon: Dozvon) -> None:
    await dozvon.reload(place.config(place.sales(), place.service(OFFICE)))
    await _connected(dozvon, OFFICE)
    call = await _talk(dozvon, place)
    await until(lambda: [live.id for live in _live(dozvon, SERVICE)] == [call])
    await dozvon.reload(place.config(place.sales()))
    await until(lambda: [live.id for live in _live(dozvon, SALES)] == [call])
    await dozvon.reload(place.config(place.sales(), place.service(OFFICE)))
    await _connected(dozvon, OFFICE)
    await until(lambda: [live.id for live in _live(dozvon, SERVICE)] == [call])
    place.pbxs[OFFICE].hangup("101")
    for account in (SALES, SERVICE):
        assert not (await _ended(dozvon, account, call)).end_inferred
        assert await _logs(dozvon, account) == [call]
