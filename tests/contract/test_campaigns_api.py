"""Campaigns over REST: made, changed, filled, paused; of two who write the second is told; strangers get nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from integration.domain.access import Permission, Viewer
from integration.domain.campaigns.model import CampaignState, EntryState
from integration.domain.crm.entities import Manager
from integration.domain.ids import AccountId, CampaignId, ManagerId
from integration.domain.settings import AccountSettings
from integration.domain.settings_changes import Author, AuthorKind
from integration.ports.campaign_erasure import CampaignErasure
from integration.ports.campaigns import AttemptJournal, CampaignStore, EntryStore
from integration.process.setup_address import administrators_of
from integration.services.accounts import Accounts
from integration.services.passwords import PasswordDesk
from integration.storage import Storage, open_coordination
from integration.testing import FakeClock, FakeCrm
from integration.web.api.campaigns import CampaignApi
from integration.web.api.door import ApiDoor
from integration.web.client_address import ClientAddresses
from integration.web.pages.brake import SignInBrake
from integration.web.pages.session import AdminSessions
from tests.contract.test_office_api import PASSWORD, Desk, browser, described

ACME = AccountId("acme")
ALL = "/api/offices/acme/account/acme/campaigns"
SPRING = f"{ALL}/spring"


@dataclass
class Campaigns:
    """What the API needs of the pages' desk."""

    campaigns: CampaignStore
    entries: EntryStore
    attempts: AttemptJournal
    erasure: CampaignErasure
    office_of: Callable[[AccountId], AccountId]
    tell: Callable[[AccountId], None]
    clock: FakeClock


@pytest_asyncio.fixture
async def desk(storage: Storage, clock: FakeClock) -> AsyncIterator[Desk]:
    passwords = PasswordDesk()
    sessions = AdminSessions(
        PASSWORD,
        "http://127.0.0.1",
        store=storage.admin_sessions,
        administrators=administrators_of(storage, clock, passwords),
        passwords=passwords,
        brake=SignInBrake(open_coordination(None), open_coordination(None)),
        addresses=ClientAddresses(),
        clock=clock,
    )
    accounts = Accounts(storage.settings)
    account = await accounts.add(AccountSettings(account=ACME, country="RU"), FakeCrm(), [])
    account.managers[ManagerId("7")] = Manager(id=ManagerId("7"), name="Ольга Ли")
    pages = Campaigns(
        storage.campaigns,
        storage.entries,
        storage.attempts,
        storage.campaign_erasure,
        lambda each: each,
        lambda _: None,
        clock,
    )
    api = CampaignApi(pages, accounts.get)
    served = Desk(storage, sessions, described(api.operations()).operations)

    def viewer(request: web.Request) -> Viewer:
        who = sessions.who(request)
        return served.viewers.get("all", Viewer(author=who))

    served.clients.append(await browser(served, ApiDoor(sessions, viewer_of=viewer)))
    yield served
    await served.clients[0].close()


async def put(desk: Desk, at: str, **plan: Any) -> tuple[int, Any]:
    return await desk.send("PUT", SPRING, plan, at=at)


async def test_a_campaign_is_made_read_and_put_back_unchanged(desk: Desk) -> None:
    assert await desk.get(ALL) == {"campaigns": []}
    status, made = await put(desk, "0", name="Весна", per_number=3)
    assert (status, made["revision"], made["state"], made["plan"]["per_number"]) == (200, "1", "draft", 3)
    assert await desk.get(ALL) == {"campaigns": [made]}
    assert await desk.get(SPRING) == made
    status, again = await put(desk, made["revision"], **made["plan"])
    assert (status, again["revision"]) == (200, "1"), "what is the same makes no change"
    status, changed = await put(desk, "1", **{**made["plan"], "name": "Лето"})
    assert (status, changed["revision"], changed["plan"]["name"]) == (200, "2", "Лето")


async def test_the_second_of_two_is_told_and_nothing_is_lost(desk: Desk) -> None:
    await put(desk, "0", name="Весна")
    await put(desk, "1", name="Лето")
    for at in ("0", "1"):
        status, refused = await put(desk, at, name="Осень")
        assert (status, refused["error"]["code"], refused["revision"]) == (412, "other_revision", "2")
    assert (await desk.get(SPRING))["plan"]["name"] == "Лето"


@pytest.mark.parametrize(
    ("plan", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x", "per_number": 99}, "per_number"),
        ({"name": "x", "lines": ["nothing/1"]}, "lines[0]"),
        ({"name": "x", "employees": ["nobody"]}, "employees[0]"),
        ({"name": "x", "mode": None}, "mode"),
    ],
)
async def test_a_wrong_plan_names_its_fields_and_makes_nothing(desk: Desk, plan: dict[str, Any], field: str) -> None:
    status, refused = await put(desk, "0", **plan)
    assert (status, [each["field"] for each in refused["problems"]]) == (422, [field])
    assert await desk.get(ALL) == {"campaigns": []}


@pytest.mark.parametrize("path", ["new", "do-not-call", "../x", "%00", "Весна", "a" * 41])
async def test_addresses_of_pages_and_strange_ones_are_no_campaigns(desk: Desk, path: str) -> None:
    client = desk.clients[0]
    own = {"Origin": f"http://{client.host}:{client.port}", "If-Match": "0"}
    async with client.put(f"{ALL}/{path}", json={"name": "x"}, headers=own) as answer:
        assert answer.status in (400, 404, 405)
    assert await desk.get(ALL) == {"campaigns": []}


async def test_clients_are_added_once_and_who_is_left_out_says_why(desk: Desk) -> None:
    await put(desk, "0", name="Весна")
    await desk.storage.do_not_call.add(ACME, ["+79990001122"], lists_of=[ACME], by="Ольга", why="")
    rows = [
        {"numbers": ["8 (916) 123-45-67", "+79262345678"], "name": "Анна", "responsible": "7", "zone": "Europe/Samara"},
        {"numbers": ["+79161234567"], "name": "Дубль"},
        {"numbers": ["позвонить позже"]},
        {"numbers": [" "]},
        {"numbers": ["112"]},
        {"numbers": ["+79990001122"]},
        {"numbers": ["+79033456789"], "zone": "Europe/Nowhere"},
        {"numbers": ["+79033456789"], "responsible": "nobody"},
        {"numbers": ["+79033456789"], "priority": 101},
        {"numbers": ["+79033456789"], "nmae": "x"},
        {"numbers": "+79033456789"},
        "x",
    ]
    status, told = await desk.send("POST", f"{SPRING}/entries", {"entries": rows})
    assert status == 200, told
    assert told["entries"] == [
        "taken", "twice", "not_a_number", "no_number", "not_a_number", "do_not_call", "unknown_zone",
        "unknown_responsible", "wrong_entry", "wrong_entry", "wrong_entry", "wrong_entry",
    ]  # fmt: skip
    assert (told["added"], told["joined"], told["left_out"]["wrong_entry"]) == (1, 0, 4)
    (entry,) = (await desk.get(f"{SPRING}/entries"))["entries"]
    assert [each["number"] for each in entry["numbers"]] == ["+79161234567", "+79262345678"]
    assert (entry["name"], entry["responsible"], entry["state"]) == ("Анна", "7", "open")
    assert (await desk.get(SPRING))["entries"] == {EntryState.OPEN.value: 1}
    status, told = await desk.send("POST", f"{SPRING}/entries", {"entries": rows[:1]})
    assert told["entries"] == ["twice"]
    assert (await desk.get(SPRING))["expected_end"] == {"at": None, "why": "not_running"}
    status, told = await desk.send("POST", f"{SPRING}/state", {"state": "running"})
    assert told["expected_end"] == {"at": None, "why": "not_dialled"}


@pytest.mark.parametrize(
    "body", [{}, {"entries": []}, {"entries": {}}, {"entries": [{}] * 501}, {"entries": [], "x": 1}]
)
async def test_what_is_no_list_is_refused(desk: Desk, body: dict[str, Any]) -> None:
    await put(desk, "0", name="Весна")
    status, refused = await desk.send("POST", f"{SPRING}/entries", body)
    assert (status, refused["problems"][0]["field"]) == (422, "entries")


async def test_a_list_is_read_in_pages(desk: Desk) -> None:
    await put(desk, "0", name="Весна")
    rows = [{"numbers": [f"+7916{index:07}"]} for index in range(5)]
    await desk.send("POST", f"{SPRING}/entries", {"entries": rows})
    first = (await desk.get(f"{SPRING}/entries?limit=3"))["entries"]
    rest = (await desk.get(f"{SPRING}/entries?after={first[-1]['position']}"))["entries"]
    assert [each["numbers"][0]["number"] for each in [*first, *rest]] == [each["numbers"][0] for each in rows]
    for wrong in ("limit=0", "limit=501", "after=-1", "after=x", "after=" + "9" * 50):
        status, refused = await desk.send("GET", f"{SPRING}/entries?{wrong}")
        assert (status, refused["error"]["code"]) == (400, "number"), wrong


async def test_a_campaign_is_started_paused_and_stopped_from_where_it_may(desk: Desk) -> None:
    await put(desk, "0", name="Весна")
    status, refused = await desk.send("POST", f"{SPRING}/state", {"state": "paused"})
    assert (status, refused["error"]["code"]) == (409, "not_this_state")
    for state in ("running", "paused", "stopped"):
        status, told = await desk.send("POST", f"{SPRING}/state", {"state": state})
        assert (status, told["state"]) == (200, state)
        assert told["expected_end"] == {"at": None, "why": "nothing_left"}
    status, refused = await desk.send("POST", f"{SPRING}/state", {"state": "paused"})
    assert (status, refused["error"]["code"]) == (409, "not_this_state")
    for body in ({}, {"state": "draft"}, {"state": 1}, {"state": "paused", "x": 1}):
        status, refused = await desk.send("POST", f"{SPRING}/state", body)
        assert (status, refused["problems"][0]["field"]) == (422, "state"), body


async def test_a_campaign_is_deleted_unless_it_runs_or_was_changed(desk: Desk) -> None:
    await put(desk, "0", name="Весна")
    status, refused = await desk.send("DELETE", SPRING, at="2")
    assert (status, refused["error"]["code"], refused["revision"]) == (412, "other_revision", "1")
    key, states = CampaignId("spring"), list(CampaignState)
    await desk.storage.campaigns.set_state(ACME, key, CampaignState.RUNNING, by="Ольга", only_from=states)
    status, refused = await desk.send("DELETE", SPRING, at="1")
    assert (status, refused["error"]["code"]) == (409, "not_this_state")
    await desk.storage.campaigns.set_state(ACME, key, CampaignState.STOPPED, by="Ольга", only_from=states)
    assert await desk.send("DELETE", SPRING, at="1") == (200, {"revision": "0"})
    status, _ = await desk.send("DELETE", SPRING, at="1")
    assert status == 404


async def test_the_journal_is_empty_before_the_first_call(desk: Desk) -> None:
    await put(desk, "0", name="Весна")
    assert await desk.get(f"{SPRING}/attempts") == {"attempts": []}
    status, _ = await desk.send("GET", f"{SPRING}/attempts?before=x")
    assert status == 400


async def test_what_is_not_there_is_said(desk: Desk) -> None:
    for path in (SPRING, f"{SPRING}/entries", "/api/offices/acme/account/other/campaigns",
                 "/api/offices/other/account/acme/campaigns"):  # fmt: skip
        status, refused = await desk.send("GET", path)
        assert (status, refused["error"]["code"]) == (404, "no_part"), path
    status, refused = await put(desk, "1", name="Весна")
    assert (status, refused["error"]["code"]) == (404, "no_part")


async def test_who_may_only_look_changes_nothing_and_who_may_not_look_sees_nothing(desk: Desk) -> None:
    who = Author(kind=AuthorKind.ADMINISTRATOR)
    desk.viewers["all"] = Viewer(author=who, permissions=frozenset({Permission.SEE_CAMPAIGNS}))
    assert await desk.get(ALL) == {"campaigns": []}
    for method, path, body in (("PUT", SPRING, {"name": "x"}), ("POST", f"{SPRING}/state", {"state": "paused"})):
        status, refused = await desk.send(method, path, body, at="0")
        assert (status, refused["error"]["code"]) == (403, "not_allowed")
    desk.viewers["all"] = Viewer(author=who, offices=frozenset())
    status, refused = await desk.send("GET", ALL)
    assert (status, refused["error"]["code"]) == (404, "no_office")
