"""Callbacks over REST: listed, cancelled, brought back; what has ended is not changed; strangers get nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from integration.domain.access import Permission, Viewer
from integration.domain.ids import AccountId, Timestamp
from integration.domain.settings import AccountSettings, LineSettings
from integration.domain.settings_changes import Author, AuthorKind
from integration.process.setup_address import administrators_of
from integration.services.accounts import Accounts
from integration.services.passwords import PasswordDesk
from integration.storage import Storage, open_coordination
from integration.testing import FakeClock, FakeCrm
from integration.web.api.callbacks import CallbackApi
from integration.web.api.door import ApiDoor
from integration.web.client_address import ClientAddresses
from integration.web.pages.brake import SignInBrake
from integration.web.pages.session import AdminSessions
from tests.contract.test_callbacks import ANNA, BORIS, a_callback
from tests.contract.test_office_api import PASSWORD, Desk, browser, described

ACME = AccountId("acme")
ALL = "/api/offices/acme/account/acme/callbacks"


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
    line = LineSettings(repeat_calls=True)
    await accounts.add(AccountSettings(account=ACME, country="RU", default_line=line), FakeCrm(), [])
    api = CallbackApi(
        callbacks=storage.callbacks,
        attempts=storage.attempts,
        dialling=storage.dialling,
        clock=clock,
        account=accounts.get,
        office_of=lambda each: each,
        tell=lambda _: None,
    )
    served = Desk(storage, sessions, described(api.operations()).operations)

    def viewer(request: web.Request) -> Viewer:
        who = sessions.who(request)
        return served.viewers.get("all", Viewer(author=who))

    served.clients.append(await browser(served, ApiDoor(sessions, viewer_of=viewer)))
    yield served
    await served.clients[0].close()


async def all_of(desk: Desk) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await desk.get(ALL))["callbacks"]
    return found


async def test_who_waits_is_listed_before_those_that_have_ended(desk: Desk, clock: FakeClock) -> None:
    assert await all_of(desk) == []
    callbacks = desk.storage.callbacks
    await callbacks.ask(ACME, a_callback(clock), office=ACME)
    await callbacks.reached(ACME, [ANNA], at=Timestamp(clock.now() + 1))
    await callbacks.ask(ACME, a_callback(clock, "pbx:2", number=BORIS), office=ACME)
    waits, over = await all_of(desk)
    assert (waits["number"], waits["state"], waits["kind"], waits["call"]) == (BORIS, "open", "missed", "pbx:2")
    assert (waits["tries"], waits["hold"], waits["responsible"]) == (0, "not_due", "610077")
    assert (over["number"], over["state"], over["hold"], over["due_at"]) == (ANNA, "reached", None, None)


async def test_one_is_cancelled_once_and_brought_back_once(desk: Desk, clock: FakeClock) -> None:
    await desk.storage.callbacks.ask(ACME, a_callback(clock), office=ACME)
    (one,) = await all_of(desk)
    address = f"{ALL}/{one['id']}"
    status, cancelled = await desk.send("POST", f"{address}/cancel", None)
    assert (status, cancelled["state"]) == (200, "removed")
    assert cancelled["cancelled_by"]
    assert (await desk.send("POST", f"{address}/cancel", None))[0] == 409
    status, back = await desk.send("POST", f"{address}/restore", None)
    assert (status, back["state"], back["cancelled_by"]) == (200, "open", "")
    assert (await desk.send("POST", f"{address}/restore", None))[0] == 409


@pytest.mark.parametrize("entry", ["99", "999999999999999999"])
async def test_what_is_no_callback_is_not_found(desk: Desk, entry: str) -> None:
    for step in ("cancel", "restore"):
        assert (await desk.send("POST", f"{ALL}/{entry}/{step}", None))[0] == 404


async def test_another_office_is_not_found(desk: Desk) -> None:
    address = "/api/offices/other/account/acme/callbacks"
    client = desk.clients[0]
    async with client.get(address) as answer:
        assert answer.status == 404


async def test_who_may_only_look_cancels_nothing(desk: Desk, clock: FakeClock) -> None:
    await desk.storage.callbacks.ask(ACME, a_callback(clock), office=ACME)
    (one,) = await all_of(desk)
    who = Author(kind=AuthorKind.ADMINISTRATOR)
    desk.viewers["all"] = Viewer(author=who, permissions=frozenset({Permission.SEE_CAMPAIGNS}))
    assert (await desk.send("POST", f"{ALL}/{one['id']}/cancel", None))[0] == 403
