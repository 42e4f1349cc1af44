"""The link to a PBX says why it is not up, as a typed reason, and when it is tried again, as it will be."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import ssl
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from integration.domain.connections.link import Link, LinkPhase
from integration.domain.connections.state import StateReason, why
from pbx_adapter.asterisk import AsteriskPbx
from pbx_adapter.asterisk.ami.client import Timing
from pbx_adapter.asterisk.ami.faults import why_no_connection
from pbx_adapter.asterisk.simulator import AmiUser, Simulator, SimulatorSettings
from pbx_adapter.asterisk.tracker.tracker import Tracker
from tests.adapters.asterisk_kit import QUICK, linked, settings_for
from tests.adapters.scripted_pbx import ScriptedPbx, channel, event
from tests.lab.waiting import until

PATIENT = replace(QUICK, backoff=(30.0,), auth_retry=30.0, answer=0.3)  # long enough to look at the state


async def waiting(pbx: AsteriskPbx) -> Link:
    await until(lambda: pbx.link.phase is LinkPhase.WAITING)
    return pbx.link


@contextlib.asynccontextmanager
async def simulated(tmp_path: Path, *users: AmiUser) -> AsyncIterator[Simulator]:
    office = Simulator(SimulatorSettings(spool=tmp_path, users=users))
    await office.start()
    try:
        yield office
    finally:
        await office.stop()


def is_(link: Link, code: StateReason) -> bool:
    return link.fault is not None and link.fault.code == code


async def test_a_wrong_secret_is_named_and_the_next_try_is_the_true_one() -> None:
    tries: list[tuple[float, Link]] = []
    async with ScriptedPbx() as pbx:
        settings = settings_for(pbx.port)
        async with linked(settings, timing=replace(QUICK, auth_retry=0.8), ready=False) as (adapter, _):

            async def refusing(action: dict[str, str], writer: asyncio.StreamWriter) -> bytes | None:
                if action["Action"] != "Login":
                    return await pbx.well_behaved(action, writer)
                tries.append((time.time(), adapter.link))
                own = f"ActionID: {action['ActionID']}\r\n"
                return f"Response: Error\r\n{own}Message: Authentication failed\r\n\r\n".encode()

            pbx.reply = refusing
            first = await waiting(adapter)
            assert first.fault == why(StateReason.LOGIN_REFUSED, user="dozvon")
            assert "dozvon-secret" not in str(first)
            assert first.next_try is not None
            assert 0 < first.next_try - time.time() <= 0.8 * 1.25
            await until(lambda: len(tries) == 2)
            at, link = tries[1]
            assert at >= first.next_try - 0.05, "not before it was said"
            assert (link.phase, link.fault, link.next_try) == (LinkPhase.CONNECTING, first.fault, None)
            assert (await waiting(adapter)).since == first.since


async def test_a_refused_login_waits_longer_than_a_pbx_that_is_away(tmp_path: Path) -> None:
    async with (
        simulated(tmp_path, AmiUser("dozvon", "other")) as office,
        linked(settings_for(office.ami.port), timing=Timing(), ready=False) as (pbx, _),
    ):
        refused = await waiting(pbx)
    async with linked(settings_for(_closed_port()), timing=Timing(), ready=False) as (pbx, _):
        away = await waiting(pbx)
    assert refused.next_try is not None
    assert away.next_try is not None
    assert refused.next_try > away.next_try + 30  # 60 s and 0.5 s, a quarter more or less


def _closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_nobody_at_the_port() -> None:
    port = _closed_port()
    async with linked(settings_for(port), timing=PATIENT, ready=False) as (pbx, _):
        link = await waiting(pbx)
        assert is_(link, StateReason.CONNECTION_REFUSED)
        assert link.fault is not None
        assert link.fault.detail == {"host": "127.0.0.1", "port": str(port)}


async def test_a_name_that_nobody_has() -> None:
    settings = replace(settings_for(5038), host="no-such-pbx.invalid")
    async with linked(settings, timing=PATIENT, ready=False) as (pbx, _):
        assert is_(await waiting(pbx), StateReason.ADDRESS_UNKNOWN)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (TimeoutError(), StateReason.TIMEOUT),
        (TimeoutError(errno.ETIMEDOUT, "timed out"), StateReason.TIMEOUT),
        (OSError(errno.EHOSTUNREACH, "No route to host"), StateReason.UNREACHABLE),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), StateReason.UNREACHABLE),
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure"), StateReason.ADDRESS_UNKNOWN),
        (ssl.SSLCertVerificationError("self-signed certificate"), StateReason.TLS_UNTRUSTED),
        (ssl.SSLError(1, "WRONG_VERSION_NUMBER"), StateReason.TLS_FAILED),
        (FileNotFoundError(errno.ENOENT, "No such file"), StateReason.TLS_FAILED),
        (ConnectionResetError(errno.ECONNRESET, "reset"), StateReason.CONNECTION_FAILED),
        (OSError("something else"), StateReason.CONNECTION_FAILED),
        # a name with two addresses: asyncio puts the errors of both into one text
        (OSError("Multiple exceptions: [Errno 111] to ::1, [Errno 111] to 1.2.3.4"), StateReason.CONNECTION_REFUSED),
        (OSError("Multiple exceptions: [Errno 101] to ::1, [Errno 111] to 1.2.3.4"), StateReason.UNREACHABLE),
    ],
)
def test_errors_of_the_system_have_a_reason(error: OSError, code: StateReason) -> None:
    assert why_no_connection(error, "pbx", 5038).code == code


async def test_tls_to_a_port_without_it() -> None:
    async with ScriptedPbx() as pbx:
        settings = settings_for(pbx.port, tls={"verify": False})
        async with linked(settings, timing=PATIENT, ready=False) as (adapter, _):
            assert is_(await waiting(adapter), StateReason.TLS_FAILED)


@pytest.mark.parametrize(
    ("banner", "code"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", StateReason.NOT_A_PBX),
        (b"x" * 200_000, StateReason.NOT_A_PBX),
        (b"Asterisk Call Manager/1.3\r\n", StateReason.VERSION_REFUSED),
        (b"", StateReason.NO_GREETING),
    ],
)
async def test_what_greets_is_judged(banner: bytes, code: StateReason) -> None:
    async with ScriptedPbx() as pbx:
        pbx.banner = banner

        async def silent(action: dict[str, str], writer: asyncio.StreamWriter) -> bytes | None:
            return b"" if not banner else await pbx.well_behaved(action, writer)

        pbx.reply = silent
        async with linked(settings_for(pbx.port), timing=PATIENT, ready=False) as (adapter, _):
            assert is_(await waiting(adapter), code)


async def test_a_pbx_that_closes_at_once_does_not_let_us_in() -> None:
    async def close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(close, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, linked(settings_for(port), timing=PATIENT, ready=False) as (adapter, _):
        assert is_(await waiting(adapter), StateReason.NOT_LET_IN)


async def test_a_login_without_an_answer() -> None:
    async with ScriptedPbx() as pbx:

        async def no_answer(action: dict[str, str], writer: asyncio.StreamWriter) -> bytes | None:
            return b"" if action["Action"] == "Login" else await pbx.well_behaved(action, writer)

        pbx.reply = no_answer
        async with linked(settings_for(pbx.port), timing=PATIENT, ready=False) as (adapter, _):
            assert is_(await waiting(adapter), StateReason.LOGIN_UNANSWERED)


async def test_a_link_that_is_up_and_then_lost() -> None:
    async with ScriptedPbx() as pbx, linked(settings_for(pbx.port), timing=PATIENT) as (adapter, _):
        up = adapter.link
        assert (up.phase, up.fault, up.next_try) == (LinkPhase.UP, None, None)
        assert up.since is not None
        assert pbx.writer is not None
        pbx.writer.close()
        lost = await waiting(adapter)
        assert is_(lost, StateReason.LINK_CLOSED)
        assert lost.since is not None
        assert lost.since >= up.since
    assert adapter.link == Link(), "nobody keeps it any more"


async def test_a_pbx_that_falls_silent() -> None:
    async with ScriptedPbx() as pbx:

        async def no_pong(action: dict[str, str], writer: asyncio.StreamWriter) -> bytes | None:
            return b"" if action["Action"] == "Ping" else await pbx.well_behaved(action, writer)

        pbx.reply = no_pong
        async with linked(settings_for(pbx.port), timing=PATIENT) as (adapter, _):
            assert is_(await waiting(adapter), StateReason.LINK_SILENT)


async def test_a_pbx_that_does_not_say_what_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pbx_adapter.asterisk.ami.snapshot._LIST_SECONDS", 0.2)
    async with ScriptedPbx() as pbx:

        async def stubborn(action: dict[str, str], writer: asyncio.StreamWriter) -> bytes | None:
            return b"" if action["Action"] == "Status" else await pbx.well_behaved(action, writer)

        pbx.reply = stubborn
        async with linked(settings_for(pbx.port), timing=PATIENT, ready=False) as (adapter, _):
            assert is_(await waiting(adapter), StateReason.STATE_UNANSWERED)


async def test_missing_rights_are_shown_while_the_link_is_up(tmp_path: Path) -> None:
    user = AmiUser("dozvon", "dozvon-secret", read=frozenset({"call", "dialplan"}), write=frozenset({"call"}))
    async with simulated(tmp_path, user) as office, linked(settings_for(office.ami.port)) as (pbx, _):
        assert pbx.link.phase is LinkPhase.UP
        assert is_(pbx.link, StateReason.PERMISSION_MISSING)
        assert pbx.link.fault is not None
        assert pbx.link.fault.detail == {"user": "dozvon", "actions": "CoreStatus, CoreShowChannels"}


@pytest.mark.parametrize("step", ["feed", "tick", "gone", "link_up", "link_lost"])
async def test_a_mistake_in_following_one_call_breaks_no_link_and_no_other_call(
    step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, failed = getattr(Tracker, step), asyncio.Event()

    def once_wrong(tracker: Tracker, *told: object, **named: object) -> object:
        if failed.is_set():
            return whole(tracker, *told, **named)
        failed.set()
        raise IndexError("a call without a leg")

    async def knows_no_channel(action: dict[str, str], writer: asyncio.StreamWriter) -> bytes | None:
        if action["Action"] != "Status" or "Channel" not in action:
            return await pbx.well_behaved(action, writer)
        return f"Response: Error\r\nActionID: {action['ActionID']}\r\nMessage: No such channel\r\n\r\n".encode()

    monkeypatch.setattr(Tracker, step, once_wrong)
    async with ScriptedPbx() as pbx:
        pbx.reply = knows_no_channel
        timing = replace(QUICK, silent=0.2, ask_every=0.05)
        async with linked(settings_for(pbx.port), timing=timing) as (_, listener):
            assert pbx.writer is not None
            pbx.writer.write(event("Newchannel", **channel("1.1")))
            if step == "link_lost":
                await listener.until(lambda: listener.calls)
                pbx.writer.close()
            await until(failed.is_set)
            await until(lambda: pbx.connections == (2 if step == "link_lost" else 1))
            await listener.until(lambda: len(listener.resyncs) == pbx.connections)
            pbx.writer.write(event("Newchannel", **channel("2.1", "PJSIP/trunk-00000002")))
            await listener.until(lambda: any(each.native_id == "2.1" for each in listener.calls.values()))
            assert len(listener.links) == 2 * pbx.connections - 1
