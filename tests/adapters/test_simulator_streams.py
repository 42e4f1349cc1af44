"""The simulated office sends the same events as the real one, field by field, and our tracker understands them."""

from __future__ import annotations

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from integration.domain.calls.call import Call
from integration.domain.ids import Timestamp
from pbx_adapter.asterisk.ami.protocol import Frame
from pbx_adapter.asterisk.replay import replay
from pbx_adapter.asterisk.simulator import Simulator, SimulatorSettings
from pbx_adapter.asterisk.simulator.ami import Request

TRACES = Path(__file__).parents[1] / "fixtures" / "asterisk"
CLIENT = "79161234567"
SPEED = 20.0
Event = dict[str, str]
Pause = Callable[[float], Awaitable[None]]
Script = Callable[[Simulator, Pause], Awaitable[None]]

# Not simulated: media reports, the test framework, security, and state of devices and queue members.
_LEFT_OUT = {"RTCPSent", "RTCPReceived", "TestEvent", "SuccessfulAuth", "ChallengeSent", "FullyBooted"}
_LEFT_OUT |= {"DeviceStateChange", "QueueMemberStatus"}
_LEFT_OUT_VARIABLES = ("RTPAUDIOQOS", "SIPREFER", "__SIPREFER", "SIPTRANSFER")


def is_compared(event: Event) -> bool:
    return event["Event"] not in _LEFT_OUT and not event.get("Variable", "").startswith(_LEFT_OUT_VARIABLES)


def recorded(name: str) -> list[Event]:
    lines = (TRACES / f"{name}.jsonl").read_text().splitlines()
    return [e for line in lines if (e := json.loads(line).get("event")) and is_compared(e)]


async def play(script: Script, tmp_path: Path, speed: float = SPEED) -> tuple[list[Event], list[Call]]:
    """Run a scenario. Returns its events, and Dozvon's calls from them (in the office's time)."""
    office = Simulator(SimulatorSettings(spool=tmp_path, pbx_spool="/var/spool/asterisk/monitor", speed=speed))
    events: list[Event] = []
    lines: list[tuple[Timestamp, str, Frame | str]] = []

    def keep(name: str, group: str, headers: list[tuple[str, str]]) -> None:
        event = dict([("Event", name), ("Privilege", f"{group},all"), *headers])
        events.append(event)
        lines.append((Timestamp(office.now()), "event", {**event}))

    office.ami.event = keep  # type: ignore[method-assign]
    await office.start()

    async def pause(seconds: float) -> None:
        await asyncio.sleep(seconds / speed)

    await script(office, pause)
    await office.idle()
    await office.stop()
    return [e for e in events if is_compared(e) and e["Event"] != "Shutdown"], replay(lines)


# ---- the recorded scenarios, played again ----------------------------------------------------------------------------


async def inbound_answered(office: Simulator, pause: Pause) -> None:
    office.inbound(CLIENT, "74950000001")
    await pause(3)
    office.answer("101")
    await pause(5)
    office.client_hangup(CLIENT)


async def inbound_no_answer(office: Simulator, pause: Pause) -> None:
    office.inbound(CLIENT, "74950000001")
    await pause(1)


async def inbound_cancelled(office: Simulator, pause: Pause) -> None:
    office.inbound(CLIENT, "74950000001")
    await pause(4)
    office.client_hangup(CLIENT)


async def queue_ringall(office: Simulator, pause: Pause) -> None:
    office.inbound(CLIENT, "74950000002")
    await pause(4)
    office.answer("102")
    await pause(5)
    office.hangup("102")


async def queue_abandoned(office: Simulator, pause: Pause) -> None:
    office.inbound(CLIENT, "74950000002")
    await pause(7)
    office.client_hangup(CLIENT)


async def responsible_then_queue(office: Simulator, pause: Pause) -> None:
    office.inbound(CLIENT, "74950000004")
    await pause(14)
    office.answer("103")
    await pause(5)
    office.client_hangup(CLIENT)


async def blind_transfer_by_callee(office: Simulator, pause: Pause) -> None:
    office.inbound(CLIENT, "74950000001")
    await pause(2)
    office.answer("101")
    await pause(4)
    office.transfer("101", "102")
    await pause(3)
    office.answer("102")
    await pause(5)
    office.client_hangup(CLIENT)


async def outbound_answered_hold(office: Simulator, pause: Pause) -> None:
    office.call_from("102", "89165550011")
    await pause(3)
    office.client_answer("79165550011")
    await pause(3)
    office.hold("102", on=True)
    await pause(4)
    office.hold("102", on=False)
    await pause(3)
    office.hangup("102")


def click(number: str, action_id: str, channel_id: str) -> Request:
    return [
        ("Action", "Originate"),
        ("ActionID", action_id),
        ("Channel", "PJSIP/101"),
        ("Context", "internal"),
        ("Exten", number),
        ("Priority", "1"),
        ("CallerID", f"{number} <{number}>"),
        ("Timeout", "15000"),
        ("Async", "true"),
        ("ChannelId", channel_id),
        ("Variable", f"__CRM_CALL_ID={channel_id.removeprefix('crm-')}"),
    ]


async def click_to_call_answered(office: Simulator, pause: Pause) -> None:
    request = click("79161112233", "click-1", "crm-1001")
    request.insert(-1, ("Variable", "__CRM_CLIENT=79161112233"))
    await office.handle_action("Originate", request)
    await pause(2)
    office.answer("101")
    await pause(10)
    office.client_hangup("79161112233")


async def click_to_call_client_busy(office: Simulator, pause: Pause) -> None:
    await office.handle_action("Originate", click("79161112244", "click-2", "crm-1002"))
    await pause(2)
    office.answer("101")


# ---- refusals: Asterisk's events for a phone that is busy (486), declines (603) or has no such number (404) ----------


async def inbound_busy(office: Simulator, pause: Pause) -> None:
    office.inbound(CLIENT, "74950000001")
    await pause(1)
    office.reject("101")


async def inbound_rejected(office: Simulator, pause: Pause) -> None:
    office.inbound(CLIENT, "74950000001")
    await pause(2)
    office.reject("101", busy=False)


async def outbound_busy(office: Simulator, pause: Pause) -> None:
    office.call_from("101", "89165550011")
    await pause(2)
    office.client_reject("79165550011")


async def outbound_rejected(office: Simulator, pause: Pause) -> None:
    office.call_from("101", "89165550011")
    await pause(2)
    office.client_reject("79165550011", busy=False)


async def queue_reject_then_answer(office: Simulator, pause: Pause) -> None:
    office.inbound(CLIENT, "74950000002")
    await pause(1)
    office.reject("101")
    await pause(1)
    office.reject("102", busy=False)
    await pause(2)
    office.answer("103")
    await pause(2)
    office.hangup("103")


async def ring_group_noanswer(office: Simulator, pause: Pause) -> None:
    office.inbound(CLIENT, "74950000010")
    await pause(2)
    office.reject("102")


async def click_agent_busy(office: Simulator, pause: Pause) -> None:
    await office.handle_action("Originate", click("79161112233", "click-4", "crm-1004"))
    await pause(1)
    office.reject("101")


async def group_all_decline(office: Simulator, pause: Pause) -> None:
    office.inbound(CLIENT, "74950000010")
    await pause(1)
    office.reject("102")
    await pause(1)
    office.reject("101", busy=False)
    await pause(1)
    office.reject("103", busy=False)


async def click_own_number_agent_declined(office: Simulator, pause: Pause) -> None:
    lines = (TRACES / "click_own_number_agent_declined.jsonl").read_text().splitlines()
    [said] = [action for line in lines if (action := json.loads(line).get("action"))]
    lists = {name: value if isinstance(value, list) else [value] for name, value in said.items()}
    await office.handle_action("Originate", [(name, each) for name, values in lists.items() for each in values])
    await pause(1)
    office.reject("101", busy=False)


SCENARIOS: dict[str, Script] = {
    f.__name__: f
    for f in (
        inbound_answered,
        inbound_no_answer,
        inbound_cancelled,
        queue_ringall,
        queue_abandoned,
        responsible_then_queue,
        blind_transfer_by_callee,
        outbound_answered_hold,
        click_to_call_answered,
        click_to_call_client_busy,
        inbound_busy,
        inbound_rejected,
        outbound_busy,
        outbound_rejected,
        queue_reject_then_answer,
        ring_group_noanswer,
        click_agent_busy,
        click_own_number_agent_declined,
    )
}


# ---- a campaign's client who rings first -----------------------------------------------------------------------------


async def dialled(office: Simulator, trace: str) -> None:
    """Order the call as Dozvon did in the recording, and let the client's phone ring."""
    lines = (TRACES / f"{trace}.jsonl").read_text().splitlines()
    said = next(action for line in lines if (action := json.loads(line).get("action")))
    lists = {name: value if isinstance(value, list) else [value] for name, value in said.items()}
    await office.handle_action("Originate", [(name, each) for name, values in lists.items() for each in values])


async def handed_over(office: Simulator, extension: str) -> None:
    place = [("Context", "dozvon-campaign"), ("Exten", extension), ("Priority", "1")]
    await office.handle_action("Redirect", [("Channel", "dozvon-a-1"), *place])


async def taken(office: Simulator, pause: Pause, name: str) -> None:
    """The client answers after 1 s, and 102 gets them half a second after their phone began to ring."""
    await dialled(office, name)
    await pause(1)
    office.client_answer(CLIENT)
    await pause(0.5)
    await handed_over(office, "to0100102")
    await pause(0.5)
    office.answer("102")


async def campaign_client_taken(office: Simulator, pause: Pause) -> None:
    await taken(office, pause, "campaign_client_taken")
    await pause(3)
    office.client_hangup(CLIENT)


async def campaign_employee_hangs_up(office: Simulator, pause: Pause) -> None:
    await taken(office, pause, "campaign_employee_hangs_up")
    await pause(2)
    office.hangup("102")


async def campaign_client_turned_away(office: Simulator, pause: Pause) -> None:
    await dialled(office, "campaign_client_turned_away")
    await pause(1)
    office.client_answer(CLIENT)


async def campaign_handed_over_in_vain(office: Simulator, pause: Pause) -> None:
    await dialled(office, "campaign_handed_over_in_vain")
    await pause(1)
    office.client_answer(CLIENT)
    await pause(0.5)
    await handed_over(office, "to0010102")


async def campaign_client_leaves(office: Simulator, pause: Pause) -> None:
    await dialled(office, "campaign_client_leaves")
    await pause(1)
    office.client_answer(CLIENT)
    await pause(0.5)
    office.client_hangup(CLIENT)


async def campaign_client_busy(office: Simulator, pause: Pause) -> None:
    await dialled(office, "campaign_client_busy")
    await pause(1)
    office.client_reject(CLIENT)


async def campaign_client_declines(office: Simulator, pause: Pause) -> None:
    await dialled(office, "campaign_client_declines")
    await pause(1)
    office.client_reject(CLIENT, busy=False)


async def campaign_client_rings_out(office: Simulator, pause: Pause) -> None:
    await dialled(office, "campaign_client_rings_out")


CAMPAIGNS: dict[str, Script] = {
    f.__name__: f
    for f in (
        campaign_client_taken,
        campaign_employee_hangs_up,
        campaign_client_turned_away,
        campaign_handed_over_in_vain,
        campaign_client_leaves,
        campaign_client_busy,
        campaign_client_declines,
        campaign_client_rings_out,
    )
}
SCENARIOS |= CAMPAIGNS
# Recorded with a later dialplan, which has one more step: only its dial events are compared.
_LATER = {group_all_decline.__name__: group_all_decline}
_played: dict[str, tuple[list[Event], list[Call]]] = {}


async def played(name: str, tmp_path: Path) -> tuple[list[Event], list[Call]]:
    """Each scenario runs once for all its tests: it takes half a second."""
    if name not in _played:
        _played[name] = await play({**SCENARIOS, **_LATER}[name], tmp_path)
    return _played[name]


every_scenario = pytest.mark.parametrize("name", SCENARIOS)


def key(event: Event) -> tuple[str, ...]:
    """The key of an event: its kind, channels and variable."""
    return (
        event["Event"],
        event.get("Channel") or event.get("TransfererChannel", ""),
        event.get("DestChannel", ""),
        event.get("Variable", ""),
    )


def named(events: list[Event]) -> list[Event]:
    """The same with Uniqueids and bridge ids replaced by numbers in order of appearance."""
    ids: dict[str, str] = {}
    for event in events:
        if event["Event"] == "Newchannel":
            ids.setdefault(event["Uniqueid"], f"channel{len(ids)}")
    bridges: dict[str, str] = {}
    result = []
    for event in events:
        copy = dict(event)
        if bridge := copy.get("BridgeUniqueid"):
            copy["BridgeUniqueid"] = bridges.setdefault(bridge, f"bridge{len(bridges)}")
        for old in sorted(ids, key=len, reverse=True):
            copy = {k: v.replace(old, ids[old]) for k, v in copy.items()}
        result.append(copy)
    return result


@every_scenario
async def test_the_same_events_come_with_the_same_fields(name: str, tmp_path: Path) -> None:
    """The same number of each event on each channel, with the recording's header names in their order."""
    events, _ = await played(name, tmp_path)
    real, ours = named(recorded(name)), named(events)
    # Asterisk counts records per pair differently (a second one for the Busy() after a dial).
    without_cdr = [Counter(key(e) for e in side if e["Event"] != "Cdr") for side in (real, ours)]
    assert without_cdr[0] == without_cdr[1]
    by_key: dict[tuple[str, ...], list[Event]] = defaultdict(list)
    for event in ours:
        by_key[key(event)].append(event)
    # In the real office only some HangupRequests have a Cause.
    optional = {"Cause", "TechCause"}
    for event in real:
        twins = by_key.get(key(event), [])
        if twins:
            twin = twins.pop(0)
            assert [k for k in event if k not in optional] == [k for k in twin if k not in optional]


async def test_a_group_that_declines_is_busy_when_one_of_it_is(tmp_path: Path) -> None:
    """How each phone ended, in order, and Dial's status."""

    def said(events: list[Event]) -> list[tuple[str, ...]]:
        fields = ("Event", "Channel", "DestChannel", "DialStatus", "Cause", "TechCause", "Value", "ChannelStateDesc")
        wanted = ("DialBegin", "DialState", "DialEnd", "HangupRequest", "SoftHangupRequest", "Hangup", "Newstate")
        return sorted(
            tuple(event.get(field, "") for field in fields)
            for event in events
            if event["Event"] in wanted or event.get("Variable") == "DIALSTATUS"
        )

    events, _ = await played("group_all_decline", tmp_path)
    assert said(events) == said(recorded("group_all_decline"))


_MEASURED = ("HoldTime", "RingTime", "TalkTime")  # depend on the clock
_MEASURED_VARIABLES = (
    "ANSWEREDTIME",
    "DIALEDTIME",
    "RINGTIME",
    "QUEUEWAIT",
    "DOZVON_UNTIL",
    "DOZVON_LATE",
    "DOZVON_RINGS",
)


def is_timed(event: Event, field: str) -> bool:
    if event.get("Context") == "dozvon-campaign" and field == "AppData":
        is_measured = any(f"{name}=" in event["AppData"] for name in _MEASURED_VARIABLES)
        return is_measured or event["Application"] in ("Wait", "Dial")
    # The half of a Local channel that dials learns who talks to the client at a moment of its own.
    learns = event.get("Channel", "").endswith(";2") and field in ("CallerIDNum", "CallerIDName")
    return learns or field in _MEASURED or event.get("Variable", "").startswith(_MEASURED_VARIABLES)


@every_scenario
async def test_the_values_are_those_of_the_recording(name: str, tmp_path: Path) -> None:
    """Numbers, names, states, places in the dialplan, causes: everything except times and random ids."""
    events, _ = await played(name, tmp_path)
    by_key: dict[tuple[str, ...], list[Event]] = defaultdict(list)
    for event in named(events):
        by_key[key(event)].append(event)
    differences = []
    for event in named(recorded(name)):
        twins = by_key.get(key(event), [])
        # The order of records, and whether 180 came before the state was read, differ between calls.
        if not twins or event["Event"] in ("Cdr", "DialState"):
            continue
        twin = twins.pop(0)
        for field, value in event.items():
            is_random = event.get("Variable") == "BRIDGEPVTCALLID"
            if not is_timed(event, field) and not is_random and twin.get(field, value) != value:
                differences.append((event["Event"], field, value, twin[field]))
    assert differences == []


@pytest.mark.parametrize("name", [*SCENARIOS, *_LATER])
async def test_the_tracker_makes_the_same_call_of_it(name: str, tmp_path: Path) -> None:
    """The same call as from the recording; times within 4 s, which is 0.2 s of the wall clock."""
    _, calls = await played(name, tmp_path)
    truth = json.loads((TRACES / f"{name}.expected.json").read_text())["calls"]
    assert len(calls) == len(truth) == 1
    call, expected = calls[0], truth[0]
    assert str(call.direction) == expected["direction"]
    assert str(call.disposition) == expected["disposition"]
    assert (call.caller, call.called) == (expected["caller"], expected["called"])
    assert call.answered_by == expected["answered_by"]
    assert call.final_responsible == expected["final_responsible"]
    assert str(call.hangup_by) == expected["hangup_by"]
    assert [(leg.target, leg.way, str(leg.result)) for leg in call.legs] == [
        (leg["target"], leg["via"], leg["result"]) for leg in expected["legs"]
    ]
    assert call.talked_seconds == pytest.approx(expected["talk_seconds"], abs=4)
    assert call.held_seconds == pytest.approx(expected.get("hold_seconds", 0), abs=4)
