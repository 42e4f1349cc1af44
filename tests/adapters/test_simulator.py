"""The simulated office as a whole: Dozvon's include, people, faults, load, traffic and the HTTP control."""

from __future__ import annotations

import asyncio
import itertools
import random
import wave
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest

from integration.domain.calls.call import Call, Direction, Disposition, LegResult
from integration.domain.campaigns.outcomes import outcome_of
from integration.domain.routing.route import Outcome, RouteDecision, RouteQuestion, Step, StepKind
from integration.ports.findings import FindingLevel
from integration.ports.pbx import CampaignCall, ClickToCall, FirstLeg
from pbx_adapter.asterisk import AgiDoor, FastAgiServer
from pbx_adapter.asterisk.agi.addresses import MayAsk
from pbx_adapter.asterisk.ami.client import Timing
from pbx_adapter.asterisk.simulator import DEMO_OFFICE, Simulator, SimulatorSettings, running
from pbx_adapter.asterisk.simulator.__main__ import parse
from pbx_adapter.asterisk.simulator.traffic import PlannedCall, plan
from tests.adapters.asterisk_kit import linked, settings_for
from tests.lab.asterisk import AGI_PATH
from tests.lab.waiting import until

CLIENT = "79161234567"
SPEED = 20.0
Pause = Callable[[float], Awaitable[None]]
Script = Callable[[Simulator, Pause], Awaitable[None]]

# ---- Dozvon's include ------------------------------------------------------------------------------------------------


class Plan:
    """Answers every question with the same steps."""

    def __init__(self, *steps: Step, seconds: float = 0.0) -> None:
        self.steps = steps
        self.seconds = seconds
        self.asked: list[tuple[RouteQuestion, str]] = []

    async def route(self, question: RouteQuestion, uniqueid: str) -> RouteDecision:
        self.asked.append((question, uniqueid))
        await asyncio.sleep(self.seconds)
        return RouteDecision(outcome=Outcome.RESPONSIBLE, steps=self.steps, reasons=())


async def routed(plan: Plan, tmp_path: Path, script: Script, **values: float) -> list[Call]:
    server = FastAgiServer([AgiDoor(frozenset({"office"}), plan, MayAsk())])
    await server.start()
    settings = SimulatorSettings(
        spool=tmp_path,
        speed=SPEED,
        agi=f"agi://127.0.0.1:{server.port}/office",
        agi_patience=values.get("patience", 3.0),
    )
    office = Simulator(settings)
    await office.start()
    async with linked(settings_for(office.ami.port)) as (_, listener):
        await script(office, lambda seconds: asyncio.sleep(seconds / SPEED))
        await office.idle()
        calls = await listener.ended()
    await office.stop()
    await server.close()
    return calls


CONTINUE = Step(kind=StepKind.CONTINUE)


async def test_the_responsible_rings_first_and_then_the_route_goes_on(tmp_path: Path) -> None:
    """Notice, 104 for ten seconds, then the line's phone 101, with the same steps as the include."""
    plan = Plan(
        Step(kind=StepKind.NOTICE, sound="custom/hello"), Step(kind=StepKind.RING, target="104", seconds=10), CONTINUE
    )

    async def script(office: Simulator, pause: Pause) -> None:
        office.inbound(CLIENT, "74950000001", "Пётр")
        await pause(16)
        office.answer("101")
        await pause(4)
        office.hangup("101")

    (call,) = await routed(plan, tmp_path, script)
    assert [(leg.target, leg.result) for leg in call.legs] == [
        ("104", LegResult.NOANSWER),
        ("101", LegResult.ANSWERED),
    ]
    ((question, uniqueid),) = plan.asked  # one decision; the later steps come from the channel
    assert (question.did, question.caller, question.caller_name) == ("74950000001", CLIENT, "Пётр")
    assert call.native_id == uniqueid


async def test_a_group_step_hands_the_call_to_the_queue(tmp_path: Path) -> None:
    async def script(office: Simulator, pause: Pause) -> None:
        office.inbound(CLIENT, "74950000001")
        await pause(4)
        office.answer("103")
        await pause(4)
        office.hangup("103")

    (call,) = await routed(Plan(Step(kind=StepKind.GROUP, target="200")), tmp_path, script)
    assert (call.queue, call.answered_by) == ("sales", "103")


async def test_a_mobile_step_goes_out_through_the_trunk(tmp_path: Path) -> None:
    async def script(office: Simulator, pause: Pause) -> None:
        office.inbound(CLIENT, "74950000001")
        await pause(8)
        office.client_hangup(CLIENT)

    plan = Plan(Step(kind=StepKind.MOBILE, target="79037770000", seconds=20), CONTINUE)
    (call,) = await routed(plan, tmp_path, script)
    assert call.direction is Direction.INBOUND
    assert [leg.target for leg in call.legs] == ["79037770000"]


async def test_a_silent_dozvon_costs_the_caller_its_patience_only(tmp_path: Path) -> None:
    """The server answers too late; the dialplan has already gone on to the line's phone."""

    async def script(office: Simulator, pause: Pause) -> None:
        office.answers_after["101"], office.talks_for["101"] = 1.0, 2.0
        office.inbound(CLIENT, "74950000001")

    (call,) = await routed(Plan(CONTINUE, seconds=5.0), tmp_path, script, patience=0.2)
    assert call.answered_by == "101"


async def test_nobody_at_the_agi_port_means_the_office_own_route(tmp_path: Path) -> None:
    office = Simulator(SimulatorSettings(spool=tmp_path, speed=SPEED, agi="agi://127.0.0.1:1/office"))
    await office.start()
    async with linked(settings_for(office.ami.port)) as (pbx, listener):
        office.answers_after["101"], office.talks_for["101"] = 1.0, 2.0
        office.inbound(CLIENT, "74950000001")
        (call,) = await listener.ended()
        assert call.answered_by == "101"
        way_back = next(f for f in await pbx.diagnose() if f.check == "way back")
        assert way_back.level is FindingLevel.ERROR
    await office.stop()


async def test_the_doctor_is_content_with_the_simulated_office(tmp_path: Path) -> None:
    server = FastAgiServer([AgiDoor(frozenset({AGI_PATH}), Plan(CONTINUE), MayAsk())])
    await server.start()
    office = Simulator(SimulatorSettings(spool=tmp_path, agi=f"agi://127.0.0.1:{server.port}/{AGI_PATH}"))
    await office.start()
    async with linked(
        settings_for(office.ami.port, recordings={"path": str(tmp_path)}, sounds={"path": str(tmp_path)})
    ) as (pbx, listener):
        findings = await pbx.diagnose()
        assert "way back" in {f.check for f in findings}
        assert [f for f in findings if f.level is not FindingLevel.OK] == []
        assert listener.records == []
    await office.stop()
    await server.close()


# ---- people, faults, load --------------------------------------------------------------------------------------------


async def test_a_campaign_s_call_rings_the_employee_first_and_is_one_outgoing_call(tmp_path: Path) -> None:
    office = Simulator(SimulatorSettings(spool=tmp_path, speed=SPEED))
    await office.start()
    async with linked(settings_for(office.ami.port, recordings={"path": str(tmp_path)})) as (pbx, listener):
        attempt = CampaignCall(
            attempt="attempt-1", number="+79161112233", extension="102", first=FirstLeg.EMPLOYEE, ring_seconds=25
        )
        call_id = await pbx.dial(attempt)
        await listener.until(lambda: any(leg.ringing_at for c in listener.records for leg in c.legs))
        assert await pbx.dial(attempt) == call_id
        office.answer("102")
        await listener.until(lambda: listener.calls[call_id].answered_at)
        talked = office.now() + 2.0
        await until(lambda: office.now() > talked)
        await pbx.hang_up(call_id)
        (call,) = await listener.ended()
        assert (call.direction, call.caller, call.called) == (Direction.OUTBOUND, "102", "79161112233")
        came = outcome_of(call)
        assert came.answered_at is not None
        assert came.connected_at == came.answered_at, "the employee is on the line already"
    await office.stop()


async def test_a_click_through_the_adapter_is_recorded_and_transferred(tmp_path: Path) -> None:
    office = Simulator(SimulatorSettings(spool=tmp_path, speed=SPEED))
    await office.start()
    async with linked(settings_for(office.ami.port, recordings={"path": str(tmp_path)})) as (pbx, listener):
        call_id = await pbx.click_to_call(ClickToCall(request_id="r1", extension="102", number="+79161112233"))
        await listener.until(lambda: any(leg.ringing_at for c in listener.records for leg in c.legs))
        office.answer("102")
        await listener.until(lambda: listener.calls[call_id].answered_at)
        talked = office.now() + 2.0
        await until(lambda: office.now() > talked)
        office.answers_after["103"] = 1.0
        await pbx.redirect(call_id, "103")
        await listener.until(lambda: listener.calls[call_id].final_responsible == "103")
        talked = office.now() + 2.0
        await until(lambda: office.now() > talked)
        await pbx.hang_up(call_id)
        (call,) = await listener.ended()
        assert [(t.from_, t.to) for t in call.transfers] == [("102", "103")]
        await office.recordings.settle()
        sound = b"".join([chunk async for chunk in pbx.recording(call.recordings[0])])
    (tmp_path / "copy.wav").write_bytes(sound)
    with wave.open(str(tmp_path / "copy.wav")) as file:
        assert (file.getframerate(), file.getsampwidth(), file.getnchannels()) == (8000, 2, 1)
        assert file.getnframes() > 4.0 / SPEED * 8000  # as long as the call was
        assert any(file.readframes(8000))
    await office.stop()


@pytest.mark.parametrize("line", ["74950000010", "74950000002"])
async def test_one_of_a_group_declines_and_another_one_answers(tmp_path: Path, line: str) -> None:
    """A ring group and a queue, as measured on a real Asterisk (tests/e2e/test_decline.py)."""
    office = Simulator(SimulatorSettings(spool=tmp_path, speed=5.0))
    await office.start()
    async with linked(settings_for(office.ami.port)) as (pbx, listener):
        office.answers_after["102"] = 10.0
        office.inbound(CLIENT, line)
        await listener.until(lambda: any(leg.ringing_at for c in listener.records for leg in c.legs))
        call = listener.records[0].id
        await pbx.reject(call, "101")
        await listener.until(lambda: listener.calls[call].answered_by)
        results = {leg.target: leg.result for leg in listener.calls[call].legs}
        assert (results["101"], results["102"]) == (LegResult.REJECTED, LegResult.ANSWERED)
        assert [(press.extension, press.own_leg) for press in listener.calls[call].presses] == [("101", True)]
        await pbx.hang_up(call)
        await listener.ended()
    await office.stop()


async def test_a_crash_ends_calls_without_a_word_and_the_adapter_finds_out(tmp_path: Path) -> None:
    office = Simulator(SimulatorSettings(spool=tmp_path, speed=SPEED))
    await office.start()
    async with linked(settings_for(office.ami.port)) as (_, listener):
        office.answers_after["101"] = 1.0
        office.inbound(CLIENT, "74950000001")
        await listener.until(lambda: any(c.answered_at for c in listener.records))
        await office.crash()
        await office.boot()
        await listener.until(lambda: len(listener.resyncs) == 2)
        (call,) = await listener.ended()
        assert call.end_inferred
    await office.stop()


async def test_hundreds_of_calls_at_once_are_all_followed_to_their_end(tmp_path: Path) -> None:
    """300 calls in a few seconds: each gets one record with the right end."""
    office = Simulator(SimulatorSettings(spool=tmp_path, speed=50))
    await office.start()
    async with linked(settings_for(office.ami.port), timing=Timing()) as (pbx, listener):
        for n in range(300):
            office.inbound(f"7916{n:07d}", "74950000009")  # an unknown line: hung up at once
            office.inbound(f"7926{n:07d}", "74950000002")  # all wait in the queue
            if n % 20 == 0:
                await asyncio.sleep(0.02)
        await until(lambda: len(listener.records) == 600, timeout_seconds=20)
        for n in range(300):
            office.client_hangup(f"7926{n:07d}")
        calls = await listener.ended(600, timeout_seconds=20)
        assert {c.disposition for c in calls} == {Disposition.MISSED}
        assert pbx.is_connected
    await office.stop()


def test_the_same_seed_plans_the_same_traffic() -> None:
    def first(seed: int) -> list[PlannedCall]:
        return list(itertools.islice(plan(random.Random(seed), 60.0, ("103", "104"), DEMO_OFFICE.clients), 100))

    assert first(7) == first(7) != first(8)
    assert 40 < sum(call.wait for call in first(7)) < 200  # a call a second on average
    assert {call.is_inbound for call in first(7)} == {True, False}


async def test_background_traffic_makes_calls_that_end(tmp_path: Path) -> None:
    settings = SimulatorSettings(spool=tmp_path, speed=200, traffic_per_minute=60)
    async with running(settings) as (office, _), linked(settings_for(office.ami.port)) as (_, listener):
        calls = await listener.ended(10)
        assert not {leg.target for c in calls for leg in c.legs} & {"101", "102"}  # people play those


# ---- the HTTP control ------------------------------------------------------------------------------------------------


async def test_a_page_rings_answers_and_hangs_up(tmp_path: Path) -> None:
    settings = SimulatorSettings(spool=tmp_path, speed=SPEED)
    async with running(settings) as (office, control), aiohttp.ClientSession() as http:
        base = f"http://127.0.0.1:{control.port}"

        async def state(extension: str) -> str:
            async with http.get(f"{base}/state", headers={"Origin": "http://localhost:8082"}) as answer:
                assert answer.headers["Access-Control-Allow-Origin"] == "http://localhost:8082"
                phones = (await answer.json())["phones"]
                return str(next(p["state"] for p in phones if p["extension"] == extension))

        async def post(path: str, **body: str) -> int:
            async with http.post(f"{base}{path}", json=body) as answer:
                return answer.status

        assert await post("/call", number=CLIENT, did="74950000001") == 200
        await until(lambda: office.state()["phones"][0]["state"] == "ringing")
        assert office.state()["phones"][0]["peer"] == CLIENT
        assert await post("/answer/101") == 200
        await until(lambda: office.state()["phones"][0]["state"] == "talking")
        assert await state("101") == "talking"
        assert await post(f"/client-hangup/{CLIENT}") == 200
        await office.idle()
        assert await state("101") == "idle"
        assert await post("/answer/101") == 409
        assert await post("/nothing/101") == 404
        assert await post("/call", number="x\r\ny", did="1") == 400


async def test_pages_from_elsewhere_are_refused(tmp_path: Path) -> None:
    async with running(SimulatorSettings(spool=tmp_path)) as (_, control), aiohttp.ClientSession() as http:
        base = f"http://127.0.0.1:{control.port}/state"
        for headers in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}):
            async with http.get(base, headers=headers) as answer:
                assert answer.status == 403


def test_the_command_line_has_defaults() -> None:
    options = parse([])
    assert (options.ami_port, options.control_port, options.agi) == (5038, 5080, None)
