"""Dozvon's dialplan on a real Asterisk: the responsible manager rings first, and no call is lost if Dozvon fails."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e.answering_process import CLIENT, MOBILE, RESPONSIBLE
from tests.lab.fixtures import OpenOffice
from tests.lab.office import RESERVE, Office, did
from tests.lab.sip_call import SipCall
from tests.lab.waiting import until

pytestmark = pytest.mark.lab

STATIC = "101"  # rings in the office's own route (the sales queue)
PATIENCE_SECONDS = 1.0
BUSY_SECONDS = 10.0  # allowed extra on a busy machine; a lost call would wait forever


class Answering:
    """An office's answering process, which tests start, stop and kill."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, **behaviour: Any) -> None:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "tests.e2e.answering_process", str(self._office.fastagi_port), json.dumps(behaviour)),
            stdout=asyncio.subprocess.PIPE,
        )
        await self.says("listens")

    async def says(self, word: str) -> dict[str, Any]:
        """Wait for the next line with this word in it."""
        assert self._process is not None
        assert self._process.stdout is not None
        async with asyncio.timeout(10 + BUSY_SECONDS):
            while raw := await self._process.stdout.readline():
                line: dict[str, Any] = json.loads(raw)
                if word in line:
                    return line
        raise AssertionError(f"the answering process ended before it said {word}")

    async def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            await self._process.wait()
            self._process = None

    async def freeze(self) -> None:
        """Alive, connected, silent."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)


@pytest_asyncio.fixture(params=[22, 16])
async def lab(request: pytest.FixtureRequest, open_office: OpenOffice) -> Office:
    office = await open_office(request.param)
    await office.asterisk.cli(f"dialplan set global DOZVON_PATIENCE {PATIENCE_SECONDS:g}")
    return office


@pytest_asyncio.fixture
async def answering(lab: Office) -> AsyncIterator[Answering]:
    process = Answering(lab)
    yield process
    await process.kill()


async def static_route_rings(office: Office, client: SipCall, *, within_seconds: float = 1.0) -> None:
    call = await office.phone(STATIC).incoming(timeout_seconds=within_seconds + BUSY_SECONDS)
    assert call.other == CLIENT
    assert not client.ended.is_set()
    await client.hang_up()


async def add_extension(office: Office, extension: str, *steps: str) -> None:
    """Add a line to the office's dialplan, before the lab's pattern for all lines."""
    for priority, step in enumerate(steps, start=1):
        await office.asterisk.cli(f"dialplan add extension {extension},{priority},{step} into from-trunk")


async def test_a_known_caller_rings_at_the_responsible_then_the_route_goes_on(
    lab: Office, answering: Answering
) -> None:
    """Only 104 for 2 s, then the queue; Dozvon got the line, the caller and the call's first channel."""
    await answering.start()
    client = await lab.inbound(CLIENT, did(21), display="Иван ${HANGUPCAUSE} ;,|'")
    asked = await answering.says("asked")
    assert (asked["asked"], asked["caller"]) == (did(21), CLIENT)
    assert asked["uniqueid"] in await lab.asterisk.cli("core show channels concise")
    rang = await lab.phone(RESPONSIBLE).incoming()
    assert not lab.phone(STATIC).was_called
    await rang.over()
    assert 1.5 < rang.at["end"] - rang.at["ringing"] < 2.0 + BUSY_SECONDS
    await static_route_rings(lab, client)


async def test_the_responsible_answers_and_the_call_ends_with_the_conversation(
    lab: Office, answering: Answering
) -> None:
    """After the conversation nobody else rings."""
    await answering.start()
    lab.phone(RESPONSIBLE).answers()
    client = await lab.inbound(CLIENT, did(21))
    manager = await lab.phone(RESPONSIBLE).incoming()
    await client.answered()
    await manager.hang_up()
    await client.over()
    assert not lab.phone(STATIC).was_called


async def test_a_busy_responsible_is_passed_over_at_once(lab: Office, answering: Answering) -> None:
    await answering.start()
    lab.phone(RESPONSIBLE).rejects(486)
    client = await lab.inbound(CLIENT, did(21))
    await static_route_rings(lab, client)


async def test_an_unknown_caller_takes_the_route(lab: Office, answering: Answering) -> None:
    await answering.start()
    client = await lab.inbound("74993332211", did(21))
    await lab.phone(STATIC).incoming(timeout_seconds=1 + BUSY_SECONDS)
    assert not lab.phone(RESPONSIBLE).was_called
    await client.hang_up()


@pytest.mark.parametrize("lab", [22], indirect=True)
async def test_notices_are_heard_before_the_answer(lab: Office, answering: Answering) -> None:
    """The dialplan plays both, before and after 104 rings; a missing sound does not stop the call."""
    await answering.start(notice_before="beep", notice_no_answer="no-such-sound")
    client = await lab.inbound(CLIENT, did(21))
    await (await lab.phone(RESPONSIBLE).incoming()).over()
    await static_route_rings(lab, client)
    log = lab.asterisk.log.read_text()
    assert "Playing 'beep" in log
    assert "no-such-sound" in log


@pytest.mark.parametrize("lab", [22], indirect=True)
async def test_after_no_answer_the_mobile_rings_then_the_route(lab: Office, answering: Answering) -> None:
    await answering.start(after_no_answer="mobile")
    client = await lab.inbound(CLIENT, did(21))
    await lab.phone(RESPONSIBLE).incoming()
    mobile = await lab.carrier.incoming()
    assert mobile.called == MOBILE
    mobile.reject(486)
    await static_route_rings(lab, client)


@pytest.mark.parametrize("lab", [22], indirect=True)
@pytest.mark.parametrize(("group", "rings"), [("103", "103"), ("777", STATIC)])
async def test_after_no_answer_the_group_rings_unless_there_is_none(
    lab: Office, answering: Answering, group: str, rings: str
) -> None:
    """The group gets the call by its extension; with an unknown extension the call keeps its route."""
    await answering.start(after_no_answer="group", group=group)
    client = await lab.inbound(CLIENT, did(21))
    await lab.phone(RESPONSIBLE).incoming()
    await lab.phone(rings).incoming()
    assert not client.ended.is_set()
    await client.hang_up()


async def test_after_no_answer_the_voicemail_of_the_responsible_answers(lab: Office, answering: Answering) -> None:
    """102 has a mailbox: it answers the call, and nobody else rings after the client hangs up."""
    await answering.start(after_no_answer="voicemail", responsible="102")
    client = await lab.inbound(CLIENT, did(21))
    await lab.phone("102").incoming()
    await client.answered()
    await until(lambda: "Playing 'vm-theperson" in lab.asterisk.log.read_text())
    await client.hang_up()
    assert not lab.phone(STATIC).was_called


async def test_after_no_answer_without_a_mailbox_the_route_goes_on(lab: Office, answering: Answering) -> None:
    """104 has no mailbox: VoiceMail() fails, but the call is not lost."""
    await answering.start(after_no_answer="voicemail")
    client = await lab.inbound(CLIENT, did(21))
    await lab.phone(RESPONSIBLE).incoming()
    await static_route_rings(lab, client, within_seconds=6)


async def test_as_a_custom_destination_of_freepbx(lab: Office, answering: Answering) -> None:
    """The line is in FROM_DID, employees are Local channels, and the call returns to its route."""
    await lab.asterisk.cli("dialplan set global DOZVON_DIAL Local/%@internal/n")
    await add_extension(lab, did(24), f"Set(FROM_DID={did(21)})", "Gosub(dozvon-freepbx,s,1)", "Goto(did,21,1)")
    await answering.start()
    client = await lab.inbound(CLIENT, did(24))
    assert (await answering.says("asked"))["asked"] == did(21)
    await (await lab.phone(RESPONSIBLE).incoming()).over()
    await static_route_rings(lab, client)


# ---- Dozvon dies ---------------------------------------------------------------------------------------------------


async def test_nobody_listens(lab: Office) -> None:
    client = await lab.inbound(CLIENT, did(21))
    await static_route_rings(lab, client)


async def test_silent_from_the_start(lab: Office, answering: Answering) -> None:
    """The kernel accepts the connection of a stopped process: without the dialplan's timeout the call would hang."""
    await answering.start()
    await answering.freeze()
    client = await lab.inbound(CLIENT, did(21))
    await static_route_rings(lab, client, within_seconds=PATIENCE_SECONDS + 1)


async def test_a_machine_that_does_not_answer_the_connection(lab: Office) -> None:
    """A full backlog drops connections like an unplugged cable; Asterisk's limit for connecting is 2 s."""
    with contextlib.ExitStack() as sockets:
        listening = sockets.enter_context(socket.socket())
        listening.bind(("127.0.0.1", lab.fastagi_port or 0))
        listening.listen(0)
        for _ in range(3):
            filling = sockets.enter_context(socket.socket())
            filling.setblocking(False)
            filling.connect_ex(("127.0.0.1", lab.fastagi_port))
        client = await lab.inbound(CLIENT, did(21))
        await static_route_rings(lab, client, within_seconds=3)
        assert client.at["start"] + 1 < lab.clock()


async def test_killed_before_the_answer(lab: Office, answering: Answering) -> None:
    """It has read the question but not answered."""
    await answering.start(think_seconds=60)
    client = await lab.inbound(CLIENT, did(21))
    await answering.says("asked")
    await answering.kill()
    await static_route_rings(lab, client)


async def test_stopped_before_the_answer(lab: Office, answering: Answering) -> None:
    await answering.start(think_seconds=60)
    client = await lab.inbound(CLIENT, did(21))
    await answering.says("asked")
    await answering.freeze()
    await static_route_rings(lab, client, within_seconds=PATIENCE_SECONDS + 1)


@pytest.mark.parametrize("ends", ["killed", "silent"])
async def test_half_an_answer_is_no_answer(lab: Office, ends: str) -> None:
    """Only the plan and the target were set: the target must not ring, not even as a reserve."""

    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\n\n")
        writer.write(b'SET VARIABLE DOZVON_PLAN "1~ring:104:2:~continue:::"\nSET VARIABLE DOZVON_TARGET "104"\n')
        await reader.readline()
        await reader.readline()
        if ends == "silent":
            await reader.read()
        writer.close()

    server = await asyncio.start_server(half, "127.0.0.1", lab.fastagi_port)
    client = await lab.inbound(CLIENT, did(21))
    await static_route_rings(lab, client, within_seconds=PATIENCE_SECONDS + 1)
    assert not lab.phone(RESPONSIBLE).was_called
    server.close()


@pytest.mark.parametrize("end", ["kill", "freeze"])
async def test_dies_between_two_steps(lab: Office, answering: Answering, end: str) -> None:
    """While 104 rings: it rings to its end, then the office's own route goes on."""
    await answering.start(after_no_answer="mobile")
    client = await lab.inbound(CLIENT, did(21))
    rang = await lab.phone(RESPONSIBLE).incoming()
    await (answering.kill() if end == "kill" else answering.freeze())
    await rang.over()
    await static_route_rings(lab, client, within_seconds=PATIENCE_SECONDS + 1)


@pytest.mark.parametrize("end", ["kill", "freeze"])
async def test_with_a_reserve_number_the_call_goes_there(lab: Office, answering: Answering, end: str) -> None:
    """The reserve number rings first; if it is busy, the office's own route goes on."""
    await lab.asterisk.cli(f"dialplan set global DOZVON_RESERVE {RESERVE}")
    await answering.start(after_no_answer="mobile")
    client = await lab.inbound(CLIENT, did(21))
    await lab.phone(RESPONSIBLE).incoming()
    await (answering.kill() if end == "kill" else answering.freeze())
    reserve = await lab.carrier.incoming()
    assert reserve.called == RESERVE
    reserve.reject(486)
    await static_route_rings(lab, client)


async def test_a_line_has_a_reserve_number_of_its_own(lab: Office) -> None:
    await lab.asterisk.cli("dialplan set global DOZVON_RESERVE 79999999999")
    await lab.asterisk.cli(f"dialplan set global DOZVON_RESERVE_{did(21)} {RESERVE}")
    client = await lab.inbound(CLIENT, did(21))
    assert (await lab.carrier.incoming()).called == RESERVE
    await client.hang_up()


async def test_a_dozvon_that_came_back_goes_on_with_the_plan(lab: Office, answering: Answering) -> None:
    """Killed and restarted while 104 rings: the new process never decided about this call, but rings the mobile."""
    await answering.start(after_no_answer="mobile", responsible_seconds=60)  # a start may take long
    client = await lab.inbound(CLIENT, did(21))
    rang = await lab.phone(RESPONSIBLE).incoming()
    await answering.kill()
    await answering.start(after_no_answer="route")
    rang.reject(486)
    assert (await lab.carrier.incoming()).called == MOBILE
    await client.hang_up()


@pytest.mark.parametrize("lab", [22], indirect=True)
async def test_the_caller_leaves_while_dozvon_is_silent(lab: Office, answering: Answering) -> None:
    """The channel ends at once; nothing hangs in the PBX."""
    await answering.start()
    await answering.freeze()
    client = await lab.inbound(CLIENT, did(21))
    await until(lambda: "AGI(" in lab.asterisk.log.read_text())
    await client.hang_up()
    await until(lambda: "End MixMonitor" in lab.asterisk.log.read_text())
    assert "0 active channels" in await lab.asterisk.cli("core show channels count")
    assert not lab.phone(STATIC).was_called


@pytest.mark.parametrize("lab", [22], indirect=True)
async def test_the_office_keeps_its_own_call_limit(lab: Office, answering: Answering) -> None:
    """The office's absolute timeout keeps running during Dozvon's questions, and ends the call."""
    limit, ask = "Set(TIMEOUT(absolute)=3)", f"Gosub(dozvon-inbound,s,1({did(21)}))"
    await add_extension(lab, did(23), limit, ask, "Goto(did,21,1)")
    await answering.start(after_no_answer="mobile")
    client = await lab.inbound(CLIENT, did(23))
    await lab.phone(RESPONSIBLE).incoming()
    await client.over(timeout_seconds=3 + BUSY_SECONDS)
    assert client.ended_by == "remote"
