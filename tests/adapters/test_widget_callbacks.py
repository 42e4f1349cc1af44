"""The callback of a missed call by the widget's API: whose phone rang sees it and cancels it, and nobody else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from integration.domain.calls.call import Call, Direction, Disposition, Leg, LegKind, LegResult, Via
from integration.domain.campaigns.callbacks import CallbackKind, campaign_of
from integration.domain.ids import CallId, Extension, LegId, ManagerId, Timestamp
from integration.domain.settings import Employee
from integration.domain.settings_changes import Author, AuthorKind
from integration.ports.callbacks import NewCallback
from integration.ports.stores import SavedStep
from tests.adapters.test_consents import OFFICE, running
from tests.adapters.test_crm_entry import Stage, stage

__all__ = ["running", "stage"]

PATH = "/api/widget/callback"


async def missed(stage: Stage) -> tuple[Call, ManagerId, ManagerId]:
    """A call that only one manager's phone has rung for, and its callback. Returns them and somebody else."""
    core, account = stage.dozvon.core, stage.account
    theirs, other = list(account.managers)[:2]
    pbx = next(iter(account.pbxs))
    phones = [Employee(extension=Extension(f"10{at}"), manager=each) for at, each in enumerate((theirs, other), 1)]
    await core.accounts.set_employees(account, phones, who=Author(kind=AuthorKind.ADMINISTRATOR))
    at = core.clock.now()
    call = Call(
        id=CallId(f"{pbx}:1.0"), account=OFFICE, pbx=pbx, native_id="1.0", direction=Direction.INBOUND,
        caller="79161234567", called="74950000001", started_at=Timestamp(at - 20), ended_at=at,
        disposition=Disposition.MISSED,
        legs=(Leg(id=LegId("a"), target="101", kind=LegKind.EXTENSION, via=Via.DIRECT, offered_at=Timestamp(at - 20),
                  ended_at=at, result=LegResult.NOANSWER),),
    )  # fmt: skip
    await core.storage.calls.save([SavedStep(call=call, intents=[], event={"event": "CallEnded"})])
    wanted = NewCallback(
        call=call.id, kind=CallbackKind.MISSED, campaign=campaign_of(None), campaign_name="Перезвоны",
        number="+79161234567", zones=("Europe/Moscow",), asked_at=at, due_at=Timestamp(at + 600),
    )  # fmt: skip
    await core.storage.callbacks.ask(OFFICE, wanted, office=OFFICE)
    return call, theirs, other


async def read(stage: Stage, call: str, manager: ManagerId) -> tuple[int, Any]:
    token = stage.token(user=manager, is_admin=False)
    headers = {"X-Auth-Token": token, "Origin": f"http://{stage.whole.crm}"}
    async with stage.whole.http.get(f"{stage.dozvon.url}{PATH}?call={call}", headers=headers) as answer:
        return answer.status, json.loads(await answer.text())


async def test_whose_phone_rang_sees_it_cancels_it_and_brings_it_back(stage: Stage) -> None:
    call, theirs, _ = await missed(stage)
    status, said = await read(stage, call.id, theirs)
    assert (status, said["callback"]["state"], said["callback"]["tries"], said["callback"]["most"]) == (
        200,
        "open",
        0,
        3,
    )
    token = stage.token(user=theirs, is_admin=False)
    for wanted, state in ((False, "removed"), (False, "removed"), (True, "open")):
        status, said = await stage.send(PATH, token, {"call": call.id, "wanted": wanted})
        assert (status, said["callback"]["state"]) == (200, state)


async def test_nobody_else_sees_or_cancels_it(stage: Stage) -> None:
    call, _, other = await missed(stage)
    token = stage.token(user=other, is_admin=False)
    for status, said in (
        await read(stage, call.id, other),
        await read(stage, "nothing", other),
        await stage.send(PATH, token, {"call": call.id, "wanted": False}),
    ):
        assert (status, said["error"]["code"]) == (404, "call_unknown")
    assert len(await stage.dozvon.core.storage.callbacks.waiting(OFFICE)) == 1


async def test_without_a_token_or_a_word_nothing_is_cancelled(stage: Stage) -> None:
    call, theirs, _ = await missed(stage)
    status, said = await stage.send(PATH, "no token", {"call": call.id, "wanted": False})
    assert (status, said["error"]["code"]) == (401, "auth_failed")
    for wanted in (None, 0, "no"):
        token = stage.token(user=theirs, is_admin=False)
        status, said = await stage.send(PATH, token, {"call": call.id, "wanted": wanted})
        assert (status, said["error"]["code"]) == (400, "bad_request")
    assert len(await stage.dozvon.core.storage.callbacks.waiting(OFFICE)) == 1


@pytest.mark.parametrize("call", ["", "x" * 500, "../../x"])
async def test_a_strange_call_is_none_of_theirs(stage: Stage, call: str) -> None:
    _, theirs, _ = await missed(stage)
    status, said = await read(stage, call, theirs)
    assert (status, said["error"]["code"]) == (404, "call_unknown")
