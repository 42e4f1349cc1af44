"""Fetching recordings: only from below the folder, only whole files, and over a web server that breaks off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st

from integration.domain.calls.call import Call, Direction
from integration.domain.ids import AccountId, CallId, PbxId, Timestamp
from integration.errors import AuthFailed, NotFound, Unavailable
from pbx_adapter.asterisk import recordings
from pbx_adapter.asterisk.recording_names import Sought
from pbx_adapter.asterisk.settings import RecordingSettings
from pbx_adapter.asterisk.simulator.recording import write_wav


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def fetched(
    file: str, settings: RecordingSettings, http: aiohttp.ClientSession, call: Call | None = None
) -> bytes:
    return b"".join([chunk async for chunk in recordings.fetch(file, settings, http, call)])


@pytest.mark.parametrize(
    ("stored", "named"),
    [
        ("in-1.wav", "in-1.wav"),
        ("in-1.wav", "/var/spool/asterisk/monitor/in-1.wav"),
        ("2026/11/22/q-600-7916-20261122-140312-1.5.wav", "q-600-7916-20261122-140312-1.5.wav"),  # FreePBX: bare name
        ("2026/11/22/x.wav", "/var/spool/asterisk/monitor/2026/11/22/x.wav"),
        ("2026/01/02/no-day-in-it.wav", "no-day-in-it.wav"),
        ("in-2.wav", "/srv/other/place/in-2.wav"),  # the PBX has another path for its folder
    ],
)
async def test_a_recording_is_found_however_the_pbx_names_it(
    stored: str, named: str, tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    write_wav(tmp_path / stored, 0.5)
    sound = await fetched(named, RecordingSettings(path=str(tmp_path)), http)
    assert sound == (tmp_path / stored).read_bytes()


CALL = Call(
    id=CallId("office:1795320247.12"),
    account=AccountId("office"),
    pbx=PbxId("office"),
    native_id="1795320247.12",
    direction=Direction.INBOUND,
    caller="79161234567",
    called="74950000001",
    started_at=Timestamp(datetime(2026, 11, 22, 3, 4, 7, tzinfo=UTC).timestamp()),
)
MONITOR = "/var/spool/asterisk/monitor"


@pytest.mark.parametrize(
    ("stored", "named"),
    [
        # converted after the call, in the same folder
        ("in-1.mp3", "in-1.wav"),
        ("in-1.WAV", "in-1.wav"),
        ("in-1.opus", "in-1.wav"),
        ("in-1.wav.mp3", "in-1.wav"),
        ("In-1.Ogg", "in-1.wav"),
        ("2026/11/22/x-20261122-140312-1.5.mp3", "x-20261122-140312-1.5.wav"),  # FreePBX, with its own script
        ("2026/11/22/x.mp3", f"{MONITOR}/2026/11/22/x.wav"),
        # moved into a folder for the day and hour (MikoPBX); the PBX's day may differ from UTC's
        ("2026/11/22/06/mikopbx-7.mp3", f"{MONITOR}/mikopbx-7.wav"),
        ("2026/11/21/22/mikopbx-7.wav", "mikopbx-7.wav"),
        ("2026/11/22/in-1.wav", f"{MONITOR}/tmp/in-1.wav"),
        # MikoPBX: converted in the folder that was announced
        ("2026/11/22/06/mikopbx-7.mp3", f"{MONITOR}/2026/11/22/06/mikopbx-7.wav"),
        # folders of an office's own scripts
        ("2026-11-22/in-1.mp3", "in-1.wav"),
        ("20261122/x-20261122-140312-1.5.mp3", "x-20261122-140312-1.5.wav"),
        ("2026/11/79161234567_1795320247.12.mp3", "in-1.wav"),
        # renamed: only the call's id is left
        ("79161234567_1795320247-12.mp3", "in-1.wav"),
        ("79161234567_1795320247_12.mp3", "in-1.wav"),
        ("79161234567_1795320247.12.mp3", "in-1.wav"),
        ("2026/11/22/out-1795320247.12-archive.wav", "in-1.wav"),
    ],
)
async def test_a_recording_that_was_converted_or_renamed_is_found(
    stored: str, named: str, tmp_path: Path, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recordings, "_COMPLETE_SECONDS", 1.0)
    monkeypatch.setattr(recordings, "_QUIET_SECONDS", 0.05)
    others = ("in-2.mp3", "in-11.mp3", "1795320247.120.wav", "11795320247.12.wav", "in-1.txt", "in-1.wav.part")
    for other in others:
        (tmp_path / other).write_bytes(b"x" * 100)
        ((tmp_path / stored).parent / other).parent.mkdir(parents=True, exist_ok=True)
        ((tmp_path / stored).parent / other).write_bytes(b"x" * 100)
    (tmp_path / stored).write_bytes(b"the sound " * 10)
    assert await fetched(named, RecordingSettings(path=str(tmp_path)), http, CALL) == b"the sound " * 10


async def test_the_best_of_several_is_taken(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    """The original file before a converted one, and a WAV before an mp3."""
    for name in ("in-1.mp3", "in-1.gsm", "1795320247.12.wav"):
        (tmp_path / name).write_bytes(name.encode() * 20)
    write_wav(tmp_path / "in-1.WAV", 0.5)
    place = RecordingSettings(path=str(tmp_path))
    assert (await fetched("in-1.wav", place, http, CALL))[:4] == b"RIFF"
    (tmp_path / "in-1.WAV").unlink()
    assert await fetched("in-1.wav", place, http, CALL) == b"in-1.mp3" * 20


async def test_a_recording_that_is_missing_says_what_was_looked_for(
    tmp_path: Path, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recordings, "_COMPLETE_SECONDS", 0.05)
    with pytest.raises(NotFound) as caught:
        await fetched("a/in-1.wav", RecordingSettings(path=str(tmp_path)), http, CALL)
    said = str(caught.value)
    for word in (str(tmp_path), "a/in-1.wav", "mp3", "2026/11/22", "1795320247.12"):
        assert word in said


@given(
    name=st.text(alphabet="ab.-0159/WAVmp3", min_size=1, max_size=30),
    names=st.lists(st.text(alphabet="ab.-0159WAVmp3", min_size=1, max_size=20), max_size=8),
    uniqueid=st.text(alphabet="0159.", max_size=14),
)
def test_whatever_is_there_only_a_kin_of_the_name_or_the_id_is_taken(
    name: str, names: list[str], uniqueid: str
) -> None:
    sought = Sought(tuple(part for part in name.split("/") if part) or ("x",), uniqueid)
    found = sought.best_of(names, by_id=True)
    if found is None:
        assert sought.name not in names
    else:
        stem = sought.name.lower().removesuffix(".wav").removesuffix(".mp3")
        assert found in names
        assert found.lower().startswith(stem) or (len(uniqueid) >= 10 and uniqueid in found)


@pytest.mark.parametrize(
    "name",
    ["../secret.wav", "a/../../secret.wav", "/etc/passwd", "/var/spool/asterisk/monitor/../secret.wav", "link.wav",
     "", "/", "a\0b", "..", "sub", "folder/\x1b[2J.wav", "..\\secret.wav"],
)  # fmt: skip
async def test_nothing_outside_the_folder_is_opened(
    name: str, tmp_path: Path, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recordings, "_COMPLETE_SECONDS", 0.05)
    folder = tmp_path / "monitor"
    (folder / "sub").mkdir(parents=True)
    write_wav(tmp_path / "secret.wav", 0.5)
    (folder / "link.wav").symlink_to(tmp_path / "secret.wav")
    with pytest.raises(NotFound):
        await fetched(name, RecordingSettings(path=str(folder)), http)


async def test_a_file_still_being_written_is_waited_for(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    """Its header shows that it is not closed; we get the whole file."""
    write_wav(tmp_path / "whole.wav", 1.0)
    whole = (tmp_path / "whole.wav").read_bytes()
    growing = tmp_path / "growing.wav"
    growing.write_bytes(whole[:4] + b"\0\0\0\0" + whole[8:4000])
    reading = asyncio.create_task(fetched("growing.wav", RecordingSettings(path=str(tmp_path)), http))
    done, _ = await asyncio.wait({reading}, timeout=0.3)
    assert not done
    growing.write_bytes(whole)
    assert await reading == whole


async def test_a_file_that_is_no_wav_is_complete_when_it_rests(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    (tmp_path / "a.gsm").write_bytes(b"g" * 1000)
    assert len(await fetched("a.gsm", RecordingSettings(path=str(tmp_path)), http)) == 1000


async def test_a_header_without_sound_is_no_recording(
    tmp_path: Path, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MixMonitor was started, but nobody was ever connected."""
    monkeypatch.setattr(recordings, "_COMPLETE_SECONDS", 0.05)
    write_wav(tmp_path / "empty.wav", 0.0)
    with pytest.raises(NotFound):
        await fetched("empty.wav", RecordingSettings(path=str(tmp_path)), http)


async def test_without_a_place_there_are_no_recordings(http: aiohttp.ClientSession) -> None:
    with pytest.raises(NotFound):
        await fetched("a.wav", RecordingSettings(), http)


# ---- from a web server -----------------------------------------------------------------------------------------------

SOUND = bytes(range(256)) * 1000


class Shop:
    """A web server with one recording; `breaks` transfers are cut after 100,000 bytes, with or without ranges."""

    def __init__(self, *, breaks: int = 0, ranges: bool = True, status: int = 200) -> None:
        self.breaks = breaks
        self.ranges = ranges
        self.status = status
        self.asked: list[str] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.headers.get("Range", request.path_qs))
        if self.status != 200:
            return web.Response(status=self.status)
        start = int(request.headers["Range"][6:-1]) if self.ranges and "Range" in request.headers else 0
        response = web.StreamResponse(status=206 if start else 200)
        response.content_length = len(SOUND) - start
        await response.prepare(request)
        if self.breaks:
            self.breaks -= 1
            await response.write(SOUND[start : start + 100_000])
            assert request.transport
            request.transport.close()
            return response
        await response.write(SOUND[start:])
        return response


async def serve(shop: Shop) -> TestServer:
    app = web.Application()
    app.router.add_get("/{tail:.*}", shop.handle)
    server = TestServer(app)
    await server.start_server()
    return server


@pytest.mark.parametrize("shop", [Shop(), Shop(breaks=2), Shop(breaks=1, ranges=False)])
async def test_a_transfer_that_breaks_off_goes_on(shop: Shop, http: aiohttp.ClientSession) -> None:
    server = await serve(shop)
    settings = RecordingSettings(url=f"http://127.0.0.1:{server.port}/monitor")
    assert await fetched("2026/11/22/a b#?.wav", settings, http) == SOUND
    assert shop.asked[0] == "/monitor/2026/11/22/a%20b%23%3F.wav"
    await server.close()


@pytest.mark.parametrize(
    ("status", "error"), [(401, AuthFailed), (403, AuthFailed), (404, NotFound), (500, Unavailable), (302, Unavailable)]
)
async def test_refusals_of_the_web_server_are_told_apart(
    status: int, error: type[Exception], http: aiohttp.ClientSession
) -> None:
    server = await serve(Shop(status=status))
    with pytest.raises(error):
        await fetched("a.wav", RecordingSettings(url=f"http://127.0.0.1:{server.port}"), http)
    await server.close()


async def test_a_web_server_that_is_not_there_is_unavailable(
    http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recordings, "_WEB_ATTEMPTS", 1)
    with pytest.raises(Unavailable):
        await fetched("a.wav", RecordingSettings(url="http://127.0.0.1:1"), http)
