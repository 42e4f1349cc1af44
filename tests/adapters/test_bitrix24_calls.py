"""Live calls of a portal, request by request: what goes together, refusals, lost answers, answers that say nonsense."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connectors.bitrix24.api.transport import Transport
from connectors.bitrix24.calls import PortalCalls
from integration.domain.calls.call import Call, Direction, Disposition
from integration.domain.calls.intents import Priority
from integration.domain.crm.entities import EntityKind, EntityRef
from integration.domain.ids import AccountId, CallId, ManagerId, PbxId, Timestamp
from integration.errors import NotFound, NotResponsible, OutcomeUnknown, ProtocolError, Unavailable
from integration.ports.live_calls import CallEnd, LiveCall
from tests.adapters.bitrix24_kit import Connected, office
from tests.adapters.bitrix24_sandbox_kit import ANNA, BORIS, LEFT

FIRST, SECOND, GONE = ManagerId(str(ANNA)), ManagerId(str(BORIS)), ManagerId(str(LEFT))


@pytest.fixture
async def portal() -> AsyncIterator[Connected]:
    async with office() as made:
        yield made


def live(portal: Connected, key: str = "pbx:1.0", **changes: Any) -> LiveCall:
    call = LiveCall(
        key=key,
        number="+79161234567",
        direction=Direction.INBOUND,
        started_at=portal.clock.now(),
        line="74957770000",
        manager=FIRST,
        client=None,
        makes_client=False,
    )
    return replace(call, **changes)


def end(manager: ManagerId = FIRST, seconds: float = 30.0) -> CallEnd:
    call = Call(
        id=CallId("pbx:1.0"),
        account=AccountId("office"),
        pbx=PbxId("pbx"),
        native_id="1.0",
        direction=Direction.INBOUND,
        caller="79161234567",
        called="74957770000",
        started_at=Timestamp(1.0),
        ended_at=Timestamp(60.0),
        disposition=Disposition.ANSWERED if seconds else Disposition.MISSED,
        answered_at=Timestamp(30.0) if seconds else None,
        talked_seconds=seconds,
    )
    return CallEnd(call=call, manager=manager)


def desk(portal: Connected) -> PortalCalls:
    found = portal.crm.live_calls
    assert isinstance(found, PortalCalls)
    return found


async def test_a_ringing_group_is_registered_and_shown_in_one_request(portal: Connected) -> None:
    before = portal.requests
    made = await desk(portal).register(live(portal), show=[FIRST, SECOND])
    assert portal.requests == before + 1
    assert portal.portal.live[made.id].shown_to == {ANNA, BORIS}
    assert made.client is not None
    assert made.client.kind is EntityKind.CONTACT


async def test_a_repeated_registration_is_the_same_call(portal: Connected) -> None:
    first = await desk(portal).register(live(portal), show=[FIRST])
    again = await desk(portal).register(live(portal), show=[])
    other = await desk(portal).register(live(portal, "pbx:2.0"), show=[])
    assert first.id == again.id != other.id


async def test_cards_are_closed_with_the_end_in_one_request(portal: Connected) -> None:
    made = await desk(portal).register(live(portal), show=[FIRST, SECOND])
    call, before = portal.portal.live[made.id], portal.requests
    finished = await desk(portal).finish(made.id, end(SECOND), hide=[FIRST])
    assert portal.requests == before + 1
    assert (call.shown_to, finished.id, finished.client) == (set(), made.id, made.client)
    assert finished.activity is not None


async def test_a_second_end_is_not_found_and_the_first_is(portal: Connected) -> None:
    made = await desk(portal).register(live(portal), show=[])
    first = await desk(portal).finish(made.id, end(), hide=[])
    for hide in ([], [SECOND]):
        with pytest.raises(NotFound):
            await desk(portal).finish(made.id, end(), hide=hide)
    assert await desk(portal).find_finished(key="pbx:1.0", id_=None) == first
    assert await desk(portal).find_finished(key="other", id_=made.id) == first
    assert await desk(portal).find_finished(key="other", id_="externalCall.none") is None


async def test_a_call_that_is_over_is_one_request_and_no_card(portal: Connected) -> None:
    before, at = portal.requests, Timestamp(portal.clock.now() - 7200)
    finished = await desk(portal).record(live(portal, started_at=at), end())
    assert portal.requests == before + 1
    [row] = portal.portal.statistics
    assert (row["CALL_ID"], row["CALL_START_DATE"], portal.portal.live) == (finished.id, int(at), {})


async def test_a_dismissed_user_is_named_as_the_reason(portal: Connected) -> None:
    for call in (
        desk(portal).register(live(portal, manager=GONE), show=[GONE, FIRST]),
        desk(portal).record(live(portal, manager=GONE), end(GONE)),
        desk(portal).register(live(portal, manager=ManagerId("not a number")), show=[]),
    ):
        with pytest.raises(NotResponsible):
            await call
    assert (portal.portal.live, portal.portal.statistics) == ({}, [])


async def test_a_stranger_becomes_a_lead_only_if_wanted(portal: Connected) -> None:
    plain = await desk(portal).register(live(portal, "pbx:1.0", number="+79990001122"), show=[])
    asked = await desk(portal).register(live(portal, "pbx:2.0", number="+79990001122", makes_client=True), show=[])
    assert (plain.client, plain.made) == (None, ())
    assert asked.made == (asked.client,)


async def test_the_client_is_the_one_that_we_name(portal: Connected) -> None:
    ref = portal.add(EntityKind.COMPANY, "+79990001122", TITLE="ООО «Маяк»")
    made = await desk(portal).register(live(portal, number="+79161234567", client=ref), show=[])
    assert made.client == ref
    odd = EntityRef(EntityKind.CONTACT, "not a number")
    assert (await desk(portal).register(live(portal, "pbx:2.0", client=odd), show=[])).client is not None


@pytest.mark.parametrize("result", [[], {}, None, {"CALL_ID": ""}, {"CALL_ID": 5}, "yes"])
async def test_an_answer_without_an_id_may_have_registered_it(result: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async with office() as portal:

        async def call(*_: Any, **__: Any) -> dict[str, Any]:
            return {"result": result}

        monkeypatch.setattr(Transport, "call", call)
        with pytest.raises(OutcomeUnknown):
            await desk(portal).register(live(portal), show=[])
        with pytest.raises(OutcomeUnknown):
            await desk(portal).finish("externalCall.1", end(), hide=[])


async def test_a_recording_goes_only_to_the_portal(portal: Connected, tmp_path: Path) -> None:
    made = await desk(portal).register(live(portal), show=[])
    await desk(portal).finish(made.id, end(), hide=[])
    file = tmp_path / "a.mp3"
    file.write_bytes(b"ID3" + b"\x00" * 500)
    assert await desk(portal).attach_recording(made.id, name="a.mp3", file=file)
    for url in ("http://169.254.169.254/latest", f"http://127.0.0.1:1{portal.bitrix.base[17:]}/", "file:///etc/passwd"):
        with pytest.raises(ProtocolError):
            await portal.transport.upload(url, field="file", name="a.mp3", file=file, priority=Priority.LOG)


async def test_a_recording_of_a_call_that_goes_on_is_refused(portal: Connected, tmp_path: Path) -> None:
    made = await desk(portal).register(live(portal), show=[])
    with pytest.raises(NotFound):
        await desk(portal).attach_recording(made.id, name="a.mp3", file=tmp_path / "none.mp3")


async def test_a_file_that_is_gone_is_not_found(portal: Connected, tmp_path: Path) -> None:
    made = await desk(portal).register(live(portal), show=[])
    await desk(portal).finish(made.id, end(), hide=[])
    with pytest.raises(NotFound):
        await desk(portal).attach_recording(made.id, name="a.mp3", file=tmp_path / "none.mp3")


async def test_addresses_that_are_always_refused_are_tried_later(portal: Connected, tmp_path: Path) -> None:
    made = await desk(portal).register(live(portal), show=[])
    await desk(portal).finish(made.id, end(), hide=[])
    file = tmp_path / "a.mp3"
    file.write_bytes(b"ID3" + b"\x00" * 500)
    fault = {"kind": "status", "status": 401, "code": "NO_AUTH_FOUND", "method": "upload", "count": -1}
    await portal.bitrix.control("faults", fault)
    with pytest.raises(Unavailable):
        await desk(portal).attach_recording(made.id, name="a.mp3", file=file)
    assert portal.crm.condition.trouble is None, "an old address is no lost consent"


async def test_a_notice_takes_the_place_of_the_one_before(portal: Connected) -> None:
    for text in ("первое", "второе"):
        await desk(portal).tell(FIRST, text, about="click-14")
    assert [notice["MESSAGE"] for notice in portal.portal.notices] == ["второе"]
