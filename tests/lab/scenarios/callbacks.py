"""Callbacks: another program, or a call file, rings the client first and then connects the client to the office."""

from __future__ import annotations

import asyncio

from tests.lab.ami_recorder import AmiRecorder
from tests.lab.office import COMPANY, Office
from tests.lab.scenarios.people import CLIENT, another_program
from tests.lab.sip_call import SipCall

_CLIENT = f"PJSIP/{CLIENT}@trunk"
_LOCAL_CLIENT = f"Local/{CLIENT}@outbound"
_WAITS = 8  # seconds that the client's phone may ring
_TO_102 = {"Context": "internal", "Exten": "102", "Priority": "1"}


async def _call_back(office: Office, channel: str = _CLIENT, **leads_to: str) -> SipCall:
    """Let another program ring the client; returns the client's side."""
    async with another_program(office) as program:
        await program.action("Originate", {
            "ActionID": "callback-1", "Channel": channel, "CallerID": f"Office <{COMPANY}>",
            "Timeout": str(_WAITS * 1000), "Async": "true", **(leads_to or _TO_102),
        })  # fmt: skip
        return await office.carrier.incoming()


async def _talks(office: Office, client: SipCall, extension: str) -> None:
    """The employee answers; the client hangs up after 3 s."""
    employee = await office.phone(extension).incoming()
    await employee.answered()
    await asyncio.sleep(3)
    await client.hang_up()


async def callback_answered(office: Office, ami: AmiRecorder) -> None:
    """The client rings 2 s and answers; 102 rings 2 s and answers; the client hangs up after 3 s."""
    office.carrier.answers(after_seconds=2)
    office.phone("102").answers(after_seconds=2)
    await _talks(office, await _call_back(office), "102")


async def callback_employee_noanswer(office: Office, ami: AmiRecorder) -> None:
    """The client answers after 1 s; 102 rings out after 15 s."""
    office.carrier.answers(after_seconds=1)
    await (await _call_back(office)).over(timeout_seconds=30)


async def callback_employee_busy(office: Office, ami: AmiRecorder) -> None:
    """The client answers after 1 s; 102 is busy."""
    office.carrier.answers(after_seconds=1)
    office.phone("102").rejects(486)
    await (await _call_back(office)).over()


async def callback_client_noanswer(office: Office, ami: AmiRecorder) -> None:
    """The client rings out after 8 s."""
    await (await _call_back(office)).over()


async def callback_client_busy(office: Office, ami: AmiRecorder) -> None:
    """The client is busy after 1 s."""
    office.carrier.rejects(486, after_seconds=1)
    await (await _call_back(office)).over()


async def callback_client_leaves(office: Office, ami: AmiRecorder) -> None:
    """The client answers after 1 s, and hangs up after 3 s while 102 rings."""
    office.carrier.answers(after_seconds=1)
    client = await _call_back(office)
    await client.answered()
    await asyncio.sleep(3)
    await client.hang_up()


async def callback_queue_answered(office: Office, ami: AmiRecorder) -> None:
    """The client answers after 1 s; the queue sales rings 2 s; 103 answers and hangs up after 3 s."""
    office.carrier.answers(after_seconds=1)
    office.phone("103").answers(after_seconds=2)
    client = await _call_back(office, Context="internal", Exten="200", Priority="1")
    seller = await office.phone("103").incoming()
    await seller.answered()
    await asyncio.sleep(3)
    await seller.hang_up()
    await client.over()


async def callback_queue_abandoned(office: Office, ami: AmiRecorder) -> None:
    """The client answers after 1 s; the queue sales rings; the client hangs up after 4 s."""
    office.carrier.answers(after_seconds=1)
    client = await _call_back(office, Context="internal", Exten="200", Priority="1")
    await client.answered()
    await asyncio.sleep(4)
    await client.hang_up()


async def callback_application(office: Office, ami: AmiRecorder) -> None:
    """The program names an application, Queue(support): 102 rings 2 s and answers; the client hangs up after 3 s."""
    office.carrier.answers(after_seconds=1)
    office.phone("102").answers(after_seconds=2)
    await _talks(office, await _call_back(office, Application="Queue", Data="support"), "102")


async def callback_local_answered(office: Office, ami: AmiRecorder) -> None:
    """Through a Local channel: the client answers after 2 s, 102 after 2 s; the client hangs up after 3 s."""
    office.carrier.answers(after_seconds=2)
    office.phone("102").answers(after_seconds=2)
    await _talks(office, await _call_back(office, _LOCAL_CLIENT), "102")


async def callback_local_queue(office: Office, ami: AmiRecorder) -> None:
    """Through a Local channel that stays, to a queue of Local channels: 101 answers; the client hangs up after 3 s."""
    office.carrier.answers(after_seconds=2)
    office.phone("101").answers(after_seconds=2)
    door = f"Local/8{CLIENT[1:]}@internal/n"
    await _talks(office, await _call_back(office, door, Context="did", Exten="09", Priority="1"), "101")


async def callback_local_client_busy(office: Office, ami: AmiRecorder) -> None:
    """Through a Local channel: the client is busy after 1 s."""
    office.carrier.rejects(486, after_seconds=1)
    await (await _call_back(office, _LOCAL_CLIENT)).over()


async def callback_local_client_noanswer(office: Office, ami: AmiRecorder) -> None:
    """Through a Local channel: the client rings out after 8 s."""
    await (await _call_back(office, _LOCAL_CLIENT)).over()


async def callback_local_employee_noanswer(office: Office, ami: AmiRecorder) -> None:
    """Through a Local channel: the client answers after 1 s; 102 rings out after 15 s."""
    office.carrier.answers(after_seconds=1)
    await (await _call_back(office, _LOCAL_CLIENT)).over(timeout_seconds=30)


async def callback_mobile(office: Office, ami: AmiRecorder) -> None:
    """The client answers after 1 s; 102 is busy and forwarded to a mobile, which answers; the client hangs up."""
    await office.asterisk.cli("database put fb 102 79031112233")
    office.carrier.answers(after_seconds=1)
    office.phone("102").rejects(486)
    client = await _call_back(office, Context="ext-fb", Exten="102", Priority="1")
    mobile = await office.carrier.incoming()
    await mobile.answered()
    await asyncio.sleep(3)
    await client.hang_up()
    await mobile.over()


async def callback_transferred(office: Office, ami: AmiRecorder) -> None:
    """The client answers, 102 answers and transfers to 103 after 2 s, who answers; the client hangs up after 3 s."""
    office.carrier.answers(after_seconds=1)
    for extension in ("102", "103"):
        office.phone(extension).answers(after_seconds=1)
    client = await _call_back(office)
    first = await office.phone("102").incoming()
    await first.answered()
    await asyncio.sleep(2)
    await first.blind_transfer("103")
    await _talks(office, client, "103")


async def callback_unreachable(office: Office, ami: AmiRecorder) -> None:
    """The trunk is unreachable (an endpoint without a contact): nothing rings."""
    async with another_program(office) as program:
        unreachable = {"ActionID": "callback-1", "Channel": f"PJSIP/{CLIENT}@105", "Async": "true", **_TO_102}
        await program.action("Originate", unreachable)
        await asyncio.sleep(2)


# ---- call files -------------------------------------------------------------------


async def _by_file(office: Office) -> SipCall:
    office.asterisk.call_file({
        "Channel": _CLIENT, "CallerID": f"Office <{COMPANY}>", "MaxRetries": "0", "WaitTime": str(_WAITS),
        "Context": "internal", "Extension": "102", "Priority": "1",
    })  # fmt: skip
    return await office.carrier.incoming()


async def callback_file_answered(office: Office, ami: AmiRecorder) -> None:
    """A call file: the client answers after 2 s, 102 after 2 s; the client hangs up after 3 s."""
    office.carrier.answers(after_seconds=2)
    office.phone("102").answers(after_seconds=2)
    await _talks(office, await _by_file(office), "102")


async def callback_file_client_busy(office: Office, ami: AmiRecorder) -> None:
    """A call file: the client is busy after 1 s."""
    office.carrier.rejects(486, after_seconds=1)
    await (await _by_file(office)).over()


async def callback_file_client_noanswer(office: Office, ami: AmiRecorder) -> None:
    """A call file: the client rings out after 8 s."""
    await (await _by_file(office)).over()


SCENARIOS = (
    callback_answered, callback_employee_noanswer, callback_employee_busy, callback_client_noanswer,
    callback_client_busy, callback_client_leaves, callback_queue_answered, callback_queue_abandoned,
    callback_application, callback_local_answered, callback_local_queue, callback_local_client_busy,
    callback_local_client_noanswer, callback_local_employee_noanswer, callback_mobile, callback_transferred,
    callback_unreachable,
    callback_file_answered, callback_file_client_busy, callback_file_client_noanswer,
)  # fmt: skip
