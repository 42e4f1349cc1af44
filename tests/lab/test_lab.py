"""The lab itself: phones, carrier, Asterisk, PostgreSQL, Redis and Chromium do what the other tests need."""

from __future__ import annotations

import asyncio
import json
import ssl
import subprocess
import wave
from pathlib import Path

import pytest
from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from tests.lab.ami_recorder import AmiRecorder
from tests.lab.asterisk import RECORDER_USER, WEAK_USER, AmiUser
from tests.lab.fixtures import CHROMIUM_ARGUMENTS, OpenOffice
from tests.lab.office import CARRIER_TONE, RESERVE, Office, did
from tests.lab.waiting import until

CLIENT = "79161234567"


@pytest.mark.lab
@pytest.mark.parametrize("major", [22, 16])
async def test_a_call_from_the_carrier_is_answered_heard_and_recorded(open_office: OpenOffice, major: int) -> None:
    """The client and 101 hear each other, and the recording has both of them in it."""
    office = await open_office(major)
    office.phone("101").answers(after_seconds=0.3)
    client = await office.inbound(CLIENT, did(1))
    manager = await office.phone("101").incoming()
    assert manager.other == CLIENT
    await client.answered()
    await until(lambda: client.media.hears(office.phone("101").tone) and manager.media.hears(CARRIER_TONE))
    await until(lambda: manager.media.received > 60)  # 1.2 s, so that there is something to record
    await client.hang_up()
    await manager.over()
    recording = await office.recording(f"in-{did(1)}-{CLIENT}-*.wav")
    with wave.open(str(recording)) as sound:
        assert sound.getnframes() / sound.getframerate() > 1.0


@pytest.mark.lab
async def test_transfers_digits_hold_and_refusals_work_as_on_a_phone(office: Office) -> None:
    """101 holds the client, consults 102 and joins them; then 102 sends the client on to 104 blindly, who is busy."""
    for extension in ("101", "102"):
        office.phone(extension).answers()
    office.phone("104").rejects(486)
    client = await office.inbound(CLIENT, did(1))
    first = await office.phone("101").incoming()
    await first.answered()
    await client.answered()
    await client.dial_digits("5")
    await until(lambda: first.media.digits == "5")
    await first.hold()
    consultation = await office.phone("101").call("102")
    second = await office.phone("102").incoming()
    await consultation.answered()
    assert await first.attended_transfer(consultation) == 202
    await first.over()
    client.media.forget()
    await until(lambda: client.media.hears(office.phone("102").tone))
    assert await second.blind_transfer("104") == 202
    assert (await office.phone("104").incoming()).code == 486
    await client.over()


@pytest.mark.lab
async def test_a_302_and_a_cancelled_call_reach_the_other_side(office: Office) -> None:
    """A forwarded call leaves through the trunk again; the client who hangs up while it rings stops the ringing."""
    office.phone("101").redirects(RESERVE)
    client = await office.inbound(CLIENT, did(1))
    forwarded = await office.carrier.incoming()
    assert forwarded.called == RESERVE
    await client.hang_up()
    await forwarded.over()
    assert client.ended_by == "local"


@pytest.mark.lab
async def test_without_dozvon_the_static_route_goes_on(office: Office) -> None:
    """Nothing listens on the FastAGI port: a number that asks Dozvon first still rings the sales queue."""
    client = await office.inbound(CLIENT, did(21))
    for extension in ("101", "102", "103"):
        await office.phone(extension).incoming()
    assert not office.phone("104").was_called
    await client.hang_up()


@pytest.mark.lab
async def test_asterisk_comes_back_after_a_kill(office: Office) -> None:
    """Killed while a call rings, it is the same instance afterwards, with its ports and phones but not the call."""
    await office.inbound(CLIENT, did(1))
    await office.phone("101").incoming()
    office.asterisk.kill()
    await office.asterisk.start()
    await office.register_all()
    assert "0 active channels" in await office.asterisk.cli("core show channels")
    office.phone("102").answers()
    await (await office.phone("103").call("102")).answered()


@pytest.mark.lab
async def test_ami_speaks_over_tls_with_the_labs_certificate(office: Office) -> None:
    trusted = ssl.create_default_context(cafile=str(office.asterisk.tls_certificate))
    reader, writer = await asyncio.open_connection("localhost", office.asterisk.ports.ami_tls, ssl=trusted)
    assert (await reader.readline()).startswith(b"Asterisk Call Manager/")
    writer.close()
    await writer.wait_closed()


@pytest.mark.lab
async def test_the_recorder_keeps_what_ami_said_and_no_secret(office: Office, tmp_path: Path) -> None:
    """A recorded stream begins with the link, has the login's answer, and holds the events of a call in order."""
    async with AmiRecorder(office.asterisk.ports.ami, clock=office.clock) as recorder:
        client = await office.inbound(CLIENT, did(1))
        await office.phone("101").incoming()
        await client.hang_up()
        await until(lambda: bool(recorder.events("Cdr")))
        assert (await recorder.action("Ping"))["Response"] == "Success"
    recorder.write(tmp_path / "stream.jsonl", hide={office.asterisk.base: "/srv/office"})
    lines = [json.loads(line) for line in (tmp_path / "stream.jsonl").read_text().splitlines()]
    assert [lines[0]["link"], lines[1]["response"]["Response"]] == ["up", "Success"]
    names = [line["event"]["Event"] for line in lines if "event" in line]
    assert names.index("Newchannel") < names.index("DialBegin") < names.index("Hangup")
    assert RECORDER_USER.secret not in (tmp_path / "stream.jsonl").read_text()


@pytest.mark.lab
async def test_the_weak_user_sees_no_calls(office: Office) -> None:
    """The doctor's tests need a login that works but lacks rights."""
    async with AmiRecorder(office.asterisk.ports.ami, user=WEAK_USER) as recorder:
        answer = await recorder.action("Originate", {"Channel": "PJSIP/101", "Application": "Echo", "Async": "true"})
        assert answer["Response"] == "Error"
    with pytest.raises(PermissionError):
        async with AmiRecorder(office.asterisk.ports.ami, user=AmiUser("dozvon", "wrong")):
            pass


@pytest.mark.servers
async def test_each_test_has_an_empty_postgres_database(empty_postgres_url: str) -> None:
    engine = create_async_engine(empty_postgres_url.replace("postgresql://", "postgresql+asyncpg://"))
    async with engine.connect() as connection:
        tables = await connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
        assert tables.all() == []
    await engine.dispose()


@pytest.mark.servers
async def test_redis_answers(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as redis:
        assert await redis.ping()


@pytest.mark.browser
def test_chromium_renders_a_page(chromium_path: Path, tmp_path: Path) -> None:
    command = [str(chromium_path), "--headless", *CHROMIUM_ARGUMENTS, f"--user-data-dir={tmp_path}", "--dump-dom"]
    page = "data:text/html,<script>document.write(6*7)</script>"
    printed = subprocess.run([*command, page], capture_output=True, text=True, timeout=60, check=True).stdout
    assert "42" in printed
