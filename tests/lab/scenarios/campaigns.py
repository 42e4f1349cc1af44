"""A campaign's client who answers before an employee, ordered as Dozvon orders it; `dozvon-campaign` receives them."""

from __future__ import annotations

import asyncio
import struct
import wave
from collections.abc import Sequence

from tests.lab.ami_recorder import AmiRecorder
from tests.lab.office import Office
from tests.lab.scenarios.people import CLIENT
from tests.lab.sip_call import SipCall
from tests.lab.waiting import until

_ATTEMPT, _CALL = "a-1", "dozvon-a-1"
_SHOWN = "74950000777"
_SILENT = "79165550011"  # never answers
_SORRY_SECONDS = 1.5


async def _ordered(
    office: Office, ami: AmiRecorder, *more: str, number: str = CLIENT, rings: int = 25, waits: int = 2
) -> SipCall:
    """The client's side of the call. `more`: variables of what the client meets."""
    variables: Sequence[str] = (
        f"CALLERID(num)={number}", f"CALLERID(name)={number}", f"CONNECTEDLINE(num)={_SHOWN}",
        f"__TRUNKCIDOVERRIDE={_SHOWN}", f"DOZVON_WAIT={waits}", *more, f"__DOZVON_CALL={_ATTEMPT}",
    )  # fmt: skip
    await ami.action("Originate", {
        "ActionID": _CALL, "Channel": f"Local/{number}@internal/n", "Context": "dozvon-campaign", "Exten": "s",
        "Priority": "1", "Timeout": str(rings * 1000), "Async": "true", "ChannelId": _CALL, "Variable": variables,
        "OtherChannelId": f"{_CALL}-2",
    })  # fmt: skip
    return await office.carrier.incoming()


async def _waits(ami: AmiRecorder) -> None:
    await until(lambda: any(e.get("Variable") == "DOZVON_RECEIVED" for e in ami.events("VarSet")))


async def _handed_over(ami: AmiRecorder, seconds: int, extension: str) -> None:
    await _waits(ami)
    place = {"Context": "dozvon-campaign", "Exten": f"to{seconds:03}0{extension}", "Priority": "1"}
    await ami.action("Redirect", {"Channel": _CALL, **place})


def _sorry(office: Office) -> str:
    """An announcement on the PBX; what the dialplan plays."""
    with wave.open(str(office.asterisk.sounds / "sorry.wav"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(struct.pack("<h", 0) * int(8000 * _SORRY_SECONDS))
    return f"DOZVON_ANNOUNCEMENT={office.asterisk.base}/sounds/sorry"


async def campaign_client_taken(office: Office, ami: AmiRecorder) -> None:
    """The client answers after 1 s, hears music, 102 answers after half a second; the client hangs up after 3 s."""
    office.carrier.answers(after_seconds=1)
    office.phone("102").answers(after_seconds=0.5)
    client = await _ordered(office, ami, "DOZVON_MUSIC=default")
    await _handed_over(ami, 10, "102")
    await (await office.phone("102").incoming()).answered()
    await asyncio.sleep(3)
    await client.hang_up()


async def campaign_employee_hangs_up(office: Office, ami: AmiRecorder) -> None:
    """The same without music; 102 hangs up after 2 s."""
    office.carrier.answers(after_seconds=1)
    office.phone("102").answers(after_seconds=0.5)
    await _ordered(office, ami)
    await _handed_over(ami, 10, "102")
    employee = await office.phone("102").incoming()
    await employee.answered()
    await asyncio.sleep(2)
    await employee.hang_up()


async def campaign_client_turned_away(office: Office, ami: AmiRecorder) -> None:
    """The client answers after 1 s and waits for two; nobody comes, and an announcement is played for 1.5 s."""
    office.carrier.answers(after_seconds=1)
    await (await _ordered(office, ami, _sorry(office))).over()


async def campaign_handed_over_in_vain(office: Office, ami: AmiRecorder) -> None:
    """The client answers after 1 s; 102 rings for a second; the client waits for two more, and hears why."""
    office.carrier.answers(after_seconds=1)
    client = await _ordered(office, ami, _sorry(office), waits=3)
    await _handed_over(ami, 1, "102")
    await client.over()


async def campaign_client_leaves(office: Office, ami: AmiRecorder) -> None:
    """The client answers after 1 s, and hangs up half a second later."""
    office.carrier.answers(after_seconds=1)
    client = await _ordered(office, ami)
    await _waits(ami)
    await asyncio.sleep(0.5)
    await client.hang_up()


async def campaign_client_busy(office: Office, ami: AmiRecorder) -> None:
    """The client is busy after 1 s."""
    office.carrier.rejects(486, after_seconds=1)
    await (await _ordered(office, ami)).over()


async def campaign_client_declines(office: Office, ami: AmiRecorder) -> None:
    """The client declines after 1 s."""
    office.carrier.rejects(603, "Decline", after_seconds=1)
    await (await _ordered(office, ami)).over()


async def campaign_client_rings_out(office: Office, ami: AmiRecorder) -> None:
    """The client does not answer within 15 s, which is as long as Dozvon lets a phone ring."""
    await (await _ordered(office, ami, number=_SILENT, rings=15)).over(timeout_seconds=30)


SCENARIOS = (
    campaign_client_taken,
    campaign_employee_hangs_up,
    campaign_client_turned_away,
    campaign_handed_over_in_vain,
    campaign_client_leaves,
    campaign_client_busy,
    campaign_client_declines,
    campaign_client_rings_out,
)
