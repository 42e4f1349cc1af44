"""Failures around Dozvon: a clear message, nothing lost, and the process continues or says why it ends."""

from __future__ import annotations

import asyncio
import contextlib
import io
import random
from collections.abc import AsyncIterator

import pytest

from tests.e2e.crm_site import ANNA, IVAN
from tests.e2e.house import House
from tests.lab.asterisk import AmiUser
from tests.lab.office import did
from tests.lab.waiting import until, until_told

pytestmark = pytest.mark.lab
JUNK_BYTES = random.Random(4).randbytes(20_000)


async def a_call(house: House) -> None:
    """Ivan calls, Anna answers, they talk for a second."""
    client = await house.office.inbound(IVAN, did(21))
    await (await house.office.phone("101").incoming()).answer()
    await client.answered()
    await recorded(house)
    await client.hang_up()


async def recorded(house: House) -> None:
    """A second of the conversation is on the PBX's disk."""
    monitor = house.office.asterisk.monitor
    await until(lambda: any(file.stat().st_size > 16_000 for file in monitor.glob("*.wav")))


# ---- it does not start -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("[server]", "[server", "not valid TOML"),
        ('listen = "', 'listen = "nowhere', "server.listen"),
        ("data_dir", "data_folder", "server.data_folder"),
        ('public_url = "http://', 'public_url = "', "server.public_url"),
        ('data_dir = "', 'data_dir = "/proc/', "server.data_dir"),
        ("responsible_seconds = 2", "responsible_seconds = 0", "responsible_seconds"),
        ('client_secret = "', 'client_sicret = "', "client_sicret"),
        ('secret = "dozvon-secret"', "", "secret"),
        ('trunks = ["trunk"]', 'trunks = "trunk', "not valid TOML"),
        ('pbx_id = "office"', 'pbx_id = "office"\npbx = "freeswitch"', "freeswitch"),
    ],
)
async def test_a_bad_configuration(unlit_house: House, old: str, new: str, named: str) -> None:
    """The last lines name each wrong key, exit code 2."""
    text = unlit_house.config.read_text()
    assert old in text
    unlit_house.config.write_text(text.replace(old, new, 1))
    unlit_house.dozvon.launch()
    assert await unlit_house.dozvon.ended() == 2
    assert "Traceback" not in unlit_house.dozvon.text()
    before, _, last = unlit_house.dozvon.text().rpartition("dozvon: ")
    assert before == "" or before.endswith("\n")
    assert named in last
    assert all(line.startswith("  ") for line in last.splitlines()[1:])  # every problem has a line


async def test_no_configuration(unlit_house: House) -> None:
    unlit_house.config.unlink()
    unlit_house.dozvon.launch()
    assert await unlit_house.dozvon.ended() == 2
    assert "dozvon init" in unlit_house.dozvon.text()


@pytest.mark.parametrize(("taken", "named"), [("web", "server.listen"), ("agi", "fastagi")])
async def test_a_port_is_taken(unlit_house: House, taken: str, named: str) -> None:
    port = unlit_house.port if taken == "web" else unlit_house.office.fastagi_port
    squatter = await asyncio.start_server(lambda *_: None, "127.0.0.1", port)
    async with squatter:
        unlit_house.dozvon.launch()
        assert await unlit_house.dozvon.ended() == 2
    assert f"{named} 127.0.0.1:{port} cannot be opened" in unlit_house.dozvon.text()
    assert "Traceback" not in unlit_house.dozvon.text()


# ---- the other side is away ------------------------------------------------------------------------------------------


async def test_a_wrong_secret(empty_house: House) -> None:
    """It is reported, nothing else is affected, and with the right secret everything works."""
    empty_house.configure(ami=AmiUser("dozvon", "wrong"))
    said = await empty_house.dozvon.start(pbx="offline")
    assert said["status"] == "degraded"
    link = await empty_house.dozvon.says("PBX link")
    assert (link["is_up"], "secret" in link["reason"]) == (False, True)
    assert "Traceback" not in empty_house.dozvon.text()
    assert await empty_house.dozvon.stop() == 0
    empty_house.configure()
    await empty_house.dozvon.start(pbx="connected")


async def test_the_pbx_comes_later(empty_house: House) -> None:
    await empty_house.office.asterisk.stop()
    said = await empty_house.dozvon.start(pbx="offline")
    assert said["status"] == "degraded"
    await empty_house.dozvon.says("PBX link")
    await empty_house.office.asterisk.start()
    await empty_house.dozvon.health(pbx="connected")
    assert "Traceback" not in empty_house.dozvon.text()


async def test_the_crm_comes_later(house: House) -> None:
    """It is away when Dozvon starts; a call from that time is delivered later."""
    await house.crm.away()
    assert await house.dozvon.stop() == 0
    said = await house.dozvon.start(pbx="connected", crm="offline")
    assert said["status"] == "degraded"
    await a_call(house)
    await until_waiting(house)
    assert house.crm.counts() == {}
    await house.crm.back()
    note = await house.in_the_crm_once()
    assert note["created_by"] == ANNA
    assert "Traceback" not in house.dozvon.text()


async def until_waiting(house: House) -> None:
    """The call waits to be delivered."""

    async def is_so() -> bool:
        return bool((await house.dozvon.health())["outbox"]["waiting"])

    await until_told(is_so)


async def test_the_disk_is_full(empty_house: House) -> None:
    """Calls continue, wait in memory, and reach the CRM with their recording when there is room again."""
    house = empty_house
    await house.move_in(disk="16m")
    filler = house.dozvon.fill_disk()
    await a_call(house)
    await house.dozvon.says("calls cannot be saved, kept in memory")
    said = await house.dozvon.health()
    assert said["status"] == "degraded"
    assert said["accounts"]["house"]["unsaved_steps"] > 0
    assert house.crm.counts() == {}
    filler.unlink()
    note = await house.in_the_crm_once()
    assert note["created_by"] == ANNA
    assert "Traceback" not in house.dozvon.text()


# ---- garbage ---------------------------------------------------------------------------------------------------------


async def garbage_elsewhere(house: House) -> None:
    paths = [
        "/oauth/amocrm/house?code=%00&referer=evil.example&state=x", "/oauth/amocrm/house?error=access_denied",
        "/hooks/amocrm/house/disconnected?signature=x&account_id=%ff&client_uuid=", "/r/..%2f..%2fetc%2fpasswd.mp3",
        "/r/" + "A" * 5000 + ".mp3", "/api/widget/ws?ticket=" + "x" * 5000, "/admin/house/calls/%00", "/%2e%2e/",
    ]  # fmt: skip
    for path in paths:
        async with house.session.get(f"{house.url}{path}", allow_redirects=False) as answer:
            assert answer.status < 500, path
    for path in ("/api/widget/session", "/api/widget/call", "/api/widget/contacts", "/admin/login"):
        for body in (b"", JUNK_BYTES, b"[" * 100_000, b'{"number": {"a": 1}}', b"x" * 3_000_000):
            headers = {"X-Auth-Token": "a.b.c", "Content-Type": "application/json"}
            async with house.session.post(f"{house.url}{path}", data=io.BytesIO(body), headers=headers) as answer:
                assert answer.status < 500, path


async def test_garbage(house: House) -> None:
    """Sent to the webhook's address and all others: nothing is accepted, nothing breaks, calls continue."""
    address = house.crm.webhook
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    bodies: list[bytes] = [
        b"",
        JUNK_BYTES,
        b"a" * 3_000_000,
        b"contacts" + b"[a]" * 20_000 + b"=1",
        b"contacts[add][0][id]=" + b"9" * 5000 + b"&account[id]=" + str(house.crm.account.id).encode(),
        b"&".join(b"contacts[add][%d][id]=x" % n for n in range(30_000)),
        b'{"contacts": [' + b"[" * 10_000,
        b"contacts[add]=1&contacts[add][0][id]=2&account=3",
        b"contacts%5Badd%5D%5B0%5D%5Bname%5D=%ff%fe%00&account%5Bid%5D=31000000",
    ]
    for body in bodies:
        async with house.session.post(address, data=io.BytesIO(body), headers=form) as answer:
            assert answer.status < 500, (answer.status, body[:60])
    folder, _, secret = address.rpartition("/")
    for other in (secret[::-1], secret + "%00", "x", secret.upper() + "x"):
        async with house.session.post(f"{folder}/{other}", data=b"contacts[add][0][id]=1", headers=form) as answer:
            assert answer.status == (400 if "%00" in other else 404)
    await garbage_elsewhere(house)
    await a_call(house)
    note = await house.in_the_crm_once()
    assert note["created_by"] == ANNA
    assert "Traceback" not in house.dozvon.text()


class Meddler:
    """Between Dozvon and the AMI port: adds frames that no Asterisk sends."""

    def __init__(self) -> None:
        self._to_dozvon: asyncio.StreamWriter | None = None

    def say(self, frame: bytes) -> None:
        assert self._to_dozvon is not None
        self._to_dozvon.write(frame)

    @contextlib.asynccontextmanager
    async def open(self, target: int) -> AsyncIterator[int]:
        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", target)
            self._to_dozvon = writer
            await asyncio.gather(self._pump(reader, far_writer), self._pump_frames(far_reader, writer))

        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        async with server:
            yield server.sockets[0].getsockname()[1]

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
        writer.close()

    async def _pump_frames(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass whole frames, so that additions go between two of them."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            writer.write(await reader.readuntil(b"\r\n"))  # the banner
            while True:
                writer.write(await reader.readuntil(b"\r\n\r\n"))
        writer.close()


async def test_unknown_and_broken_events_of_the_pbx(empty_house: House) -> None:
    """Before and during a call, which is still followed."""
    house, meddler = empty_house, Meddler()
    async with meddler.open(house.office.asterisk.ports.ami) as port:
        house.configure(ami_port=port)
        await house.move_in()
        frames = [
            b"Event: SomethingOfAsterisk99\r\nUniqueid: 1.1\r\nLinkedid: 1.1\r\n\r\n",
            b"Event: Newchannel\r\n\r\n",
            b"Event: Hangup\r\nUniqueid: nobody\r\nCause: many\r\n\r\n",
            b"Event: DialEnd\r\nDestUniqueid: \xff\xfe\r\nDialStatus: PERHAPS\r\n\r\n",
            b"Event: BridgeEnter\r\nBridgeUniqueid: x\r\nBridgeNumChannels: -7\r\n\r\n",
            b"Event: \r\nno colon here\r\n: no name\r\n\r\n",
            b"Response: Success\r\nActionID: never-asked\r\n\r\n",
            b"Event: UserEvent\r\nText: " + b"x" * 50_000 + b"\r\n\r\n",
            JUNK_BYTES[:300].replace(b"\r", b"").replace(b"\n", b"") + b"\r\n\r\n",
        ]
        for frame in frames:
            meddler.say(frame)
        client = await house.office.inbound(IVAN, did(21))
        for frame in frames:
            meddler.say(frame)
        await (await house.office.phone("101").incoming()).answer()
        await client.answered()
        for frame in frames:
            meddler.say(frame)
        await recorded(house)
        await client.hang_up()
        note = await house.in_the_crm_once()
        assert note["created_by"] == ANNA
        assert "Traceback" not in house.dozvon.text()
        house.dozvon.kill()
