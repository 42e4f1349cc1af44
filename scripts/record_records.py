#!/usr/bin/env python3
"""Records Asterisk's own records of calls (CDR and CEL as CSV) on the lab, together with the expected result.

    .venv/bin/python scripts/record_records.py [--asterisk 16] [--out tests/fixtures/asterisk_records] [NAME ...]

The expected result comes from the tracker, which followed the same calls on AMI: check it before committing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from integration.domain.calls.truth import call_truth
from pbx_adapter.asterisk.replay import read_lines, replay
from tests.lab.ami_recorder import AmiRecorder
from tests.lab.asterisk import lab_root
from tests.lab.office import Office, did

CLIENT, OTHER = "79161234567", "79990001122"


async def answered(office: Office) -> None:
    """101 rings 1 s and answers; the client, whose name is hostile, hangs up 2 s later."""
    office.phone("101").answers(after_seconds=1)
    client = await office.inbound(CLIENT, did(1), display="Иван, O'Neil <b>;DROP")
    await client.answered()
    await asyncio.sleep(2)
    await client.hang_up()


async def missed(office: Office) -> None:
    """The client gives up while 101 rings."""
    client = await office.inbound(CLIENT, did(1))
    await office.phone("101").incoming()
    await asyncio.sleep(1.5)
    await client.hang_up()


async def busy_then_queue(office: Office) -> None:
    """101 refuses; the queue rings everybody, 102 answers and hangs up."""
    office.phone("101").rejects(486)
    office.phone("102").answers(after_seconds=1)
    client = await office.inbound(CLIENT, did(4))
    seller = await office.phone("102").incoming()
    await seller.answered()
    await asyncio.sleep(2)
    await seller.hang_up()
    await client.over()


async def queue_abandoned(office: Office) -> None:
    """The client leaves the queue while its phones ring: Up for the PBX, missed for people."""
    client = await office.inbound(CLIENT, did(2))
    await office.phone("102").incoming()
    await asyncio.sleep(1.5)
    await client.hang_up()


async def queue_local_members(office: Office) -> None:
    """A queue whose members are Local channels; 102 answers."""
    office.phone("102").answers(after_seconds=1)
    client = await office.inbound(CLIENT, did(9))
    await (await office.phone("102").incoming()).answered()
    await asyncio.sleep(1.5)
    await client.hang_up()


async def ring_group(office: Office) -> None:
    """101, 102 and 103 ring at once, 103 answers."""
    office.phone("103").answers(after_seconds=1)
    client = await office.inbound(CLIENT, did(10))
    await client.answered()
    await asyncio.sleep(1.5)
    await client.hang_up()


async def blind_transfer(office: Office) -> None:
    """101 answers and sends the client on to 102, who answers."""
    for extension in ("101", "102"):
        office.phone(extension).answers(after_seconds=0.5)
    client = await office.inbound(CLIENT, did(1))
    first = await office.phone("101").incoming()
    await client.answered()
    await asyncio.sleep(1)
    await first.blind_transfer("102")
    second = await office.phone("102").incoming()
    await second.answered()
    await asyncio.sleep(1.5)
    await client.hang_up()


async def attended_transfer(office: Office) -> None:
    """101 answers, asks 102 on a second call and joins the two."""
    for extension in ("101", "102"):
        office.phone(extension).answers(after_seconds=0.5)
    client = await office.inbound(CLIENT, did(1))
    first = await office.phone("101").incoming()
    await client.answered()
    await first.hold()
    consultation = await office.phone("101").call("102")
    await consultation.answered()
    await asyncio.sleep(1)
    await first.attended_transfer(consultation)
    await asyncio.sleep(1.5)
    await client.hang_up()
    await first.over()


async def outbound(office: Office) -> None:
    """101 calls a client through the trunk, who answers and hangs up."""
    office.carrier.answers(after_seconds=1)
    call = await office.phone("101").call("8" + CLIENT[1:])
    await call.answered()
    client = await office.carrier.incoming()
    await asyncio.sleep(2)
    await client.hang_up()


async def outbound_busy(office: Office) -> None:
    """101 calls a client who is engaged."""
    office.carrier.rejects(486)
    call = await office.phone("101").call("8" + CLIENT[1:])
    await call.over()


async def internal(office: Office) -> None:
    """101 calls 102."""
    office.phone("102").answers(after_seconds=0.5)
    call = await office.phone("101").call("102")
    await call.answered()
    await asyncio.sleep(1)
    await call.hang_up()


async def voicemail(office: Office) -> None:
    """Nobody at 102 answers; the client speaks to the voicemail, which is nobody."""
    client = await office.inbound(CLIENT, did(6))
    await client.answered()
    await asyncio.sleep(1)
    await client.hang_up()


async def two_interleaved(office: Office) -> None:
    """Two clients at once: one talks to 101, the other waits in the queue until somebody takes it."""
    office.phone("101").answers(after_seconds=0.5)
    first = await office.inbound(CLIENT, did(1))
    await first.answered()
    for extension in ("102", "103", "104"):
        office.phone(extension).answers(after_seconds=0.5)
    second = await office.inbound(OTHER, did(3))
    await asyncio.sleep(0.3)
    await first.hang_up()
    await asyncio.sleep(2)
    await second.hang_up()


async def click(office: Office) -> None:
    """A number is clicked in the CRM: 101's phone rings, then the client's; the client hangs up."""
    office.phone("101").answers(after_seconds=0.5)
    office.carrier.answers(after_seconds=1)
    await _originate(office)
    client = await office.carrier.incoming()
    await client.answered()
    await asyncio.sleep(1.5)
    await client.hang_up()


async def click_unanswered(office: Office) -> None:
    """A number is clicked in the CRM, and 101 does not answer: the client is never called."""
    await _originate(office, milliseconds=1500)
    await (await office.phone("101").incoming()).over()


async def _originate(office: Office, milliseconds: int = 15_000) -> None:
    async with AmiRecorder(office.asterisk.ports.ami, clock=time.time) as ami:
        request = {
            "Channel": "PJSIP/101", "Context": "internal", "Exten": CLIENT, "Priority": "1", "Async": "true",
            "CallerID": f"{CLIENT} <{CLIENT}>", "Timeout": str(milliseconds), "ChannelId": "dozvon-1001",
            "Variable": ["__CRM_CALL_ID=1001", f"__CRM_CLIENT={CLIENT}"],
        }  # fmt: skip
        await ami.action("Originate", request)


SCENARIOS: dict[str, Callable[[Office], Awaitable[None]]] = {
    each.__name__: each
    for each in (
        answered, missed, busy_then_queue, queue_abandoned, queue_local_members, ring_group, blind_transfer,
        attended_transfer, outbound, outbound_busy, internal, voicemail, two_interleaved, click, click_unanswered,
    )
}  # fmt: skip


async def record(name: str, major: int, out: Path) -> None:
    async with Office(lab_root(major), fastagi_port=None) as office:
        recorder = AmiRecorder(office.asterisk.ports.ami, clock=time.time)
        async with recorder:
            await SCENARIOS[name](office)
            await asyncio.sleep(1.0)
        prefix = out / f"{'ast16_' if major == 16 else ''}{name}"
        stream = prefix.with_suffix(".ami.tmp")
        recorder.write(stream)
        with stream.open("rb") as file:
            calls = replay(read_lines(file))
        stream.unlink()
        truth = [{"id": str(call.id), **call_truth(call)} for call in calls]
        prefix.with_suffix(".truth.json").write_text(json.dumps(truth, indent=1, ensure_ascii=False) + "\n")
        logs = office.asterisk.logs
        shutil.copy(logs / "cdr-csv" / "Master.csv", f"{prefix}.master.csv")
        shutil.copy(logs / "cdr-custom" / "dozvon.csv", f"{prefix}.cdr.csv")
        shutil.copy(logs / "cel-custom" / "dozvon.csv", f"{prefix}.cel.csv")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenario", nargs="*", help="by default all")
    parser.add_argument("--asterisk", type=int, choices=(22, 16), default=22)
    parser.add_argument("--out", type=Path, default=Path("tests/fixtures/asterisk_records"))
    arguments = parser.parse_args()
    for name in arguments.scenario or SCENARIOS:
        asyncio.run(record(name, arguments.asterisk, arguments.out))
        print(name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
