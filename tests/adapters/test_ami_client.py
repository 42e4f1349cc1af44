"""The AMI connection with a PBX that misbehaves in every way we know: it continues, and says what is wrong."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import subprocess
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from integration.domain.calls.call import Disposition
from integration.domain.calls.events import CallEvent, CallStarted
from integration.errors import NotFound, OutcomeUnknown, Rejected, Unavailable
from integration.ports.pbx import ClickToCall
from pbx_adapter.asterisk.ami.client import AmiCounters, AmiSession, Timing, connected
from pbx_adapter.asterisk.ami.commands import hang_up, question
from pbx_adapter.asterisk.simulator import AmiUser, Simulator, SimulatorSettings
from tests.adapters.asterisk_kit import QUICK, linked, settings_for
from tests.adapters.scripted_pbx import ScriptedPbx, channel, event, whole_call
from tests.lab.waiting import until


@contextlib.asynccontextmanager
async def session_to(pbx: ScriptedPbx, timing: Timing = QUICK) -> AsyncIterator[AmiSession]:
    async with connected(settings_for(pbx.port), wanted=None, timing=timing, counters=AmiCounters()) as session:
        yield session


# ---- the login -------------------------------------------------------------------------------------------------------


async def test_the_secret_is_never_sent_where_a_challenge_is_offered() -> None:
    async with ScriptedPbx() as pbx, session_to(pbx):
        login = next(a for a in pbx.actions if a["Action"] == "Login")
        assert "Secret" not in login
        assert login["Key"] == hashlib.md5(b"42dozvon-secret").hexdigest()


async def test_a_pbx_without_challenge_gets_a_plain_login() -> None:
    async with ScriptedPbx() as pbx:

        async def no_challenge(action: dict[str, str], writer: asyncio.StreamWriter) -> bytes | None:
            if action["Action"] == "Challenge":
                return f"Response: Error\r\nActionID: {action['ActionID']}\r\nMessage: no\r\n\r\n".encode()
            return await pbx.well_behaved(action, writer)

        pbx.reply = no_challenge
        async with session_to(pbx):
            assert pbx.actions[1]["Secret"] == "dozvon-secret"


async def test_a_wrong_secret_is_told_once_and_retried_slowly(tmp_path: Path) -> None:
    """The administrator gets one message, and a PBX with fail2ban gets few attempts."""
    office = Simulator(SimulatorSettings(spool=tmp_path, users=(AmiUser("dozvon", "other"),)))
    await office.start()
    timing = Timing(auth_retry=0.2, backoff=(0.01,), boot_unseen=0.2)
    async with linked(settings_for(office.ami.port), timing=timing, ready=False) as (pbx, listener):
        await listener.until(lambda: listener.links)
        await until(lambda: pbx.counters.reconnects >= 2)
        assert len(listener.links) == 1
        assert "secret" in listener.links[0][1]
        assert "dozvon-secret" not in listener.links[0][1]
    await office.stop()


@pytest.mark.parametrize(
    "banner", [b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x00\xff\x16\x03", b"x" * 200_000]
)
async def test_another_kind_of_server_is_named_as_such(banner: bytes) -> None:
    async with ScriptedPbx() as pbx:
        pbx.banner = banner
        async with linked(settings_for(pbx.port), ready=False) as (adapter, listener):
            await listener.until(lambda: listener.links)
            assert not adapter.is_connected
            assert listener.links[0][0] is False


async def test_an_asterisk_that_is_too_old_is_refused_with_a_sentence() -> None:
    """Its events have no Linkedid: every answered call would look missed."""
    async with ScriptedPbx() as pbx:
        pbx.banner = b"Asterisk Call Manager/1.3\r\n"
        async with linked(settings_for(pbx.port), ready=False) as (adapter, listener):
            await listener.until(lambda: listener.links)
            assert not adapter.is_connected
            is_up, reason = listener.links[0]
            assert not is_up
            assert "Asterisk 11 or older" in reason
            assert "Update the PBX" in reason
        assert not [action for action in pbx.actions if action["Action"] == "Login"]


async def test_values_that_are_too_long_are_cut_and_counted() -> None:
    async with ScriptedPbx() as pbx, linked(settings_for(pbx.port)) as (adapter, listener):
        assert pbx.writer is not None
        for number in range(2):
            pbx.writer.write(event("Newchannel", **channel(f"{number}.1") | {"CallerIDName": "x" * 10_000}))
        await listener.until(lambda: len(listener.events) == 2)
        names = [str(getattr(told, "caller_name", "")) for told in listener.events]
        assert [len(name) for name in names] == [256, 256]
        assert adapter.counters.values_cut == 2


async def test_a_call_whose_hangup_was_lost_is_asked_about_and_ends() -> None:
    """The PBX still knows one channel but not the other: the talk goes on, and the finished call ends."""
    async with ScriptedPbx() as pbx:

        async def status(action: dict[str, str], writer: asyncio.StreamWriter) -> bytes | None:
            own = {"ActionID": action["ActionID"]}
            if action["Action"] != "Status" or "Channel" not in action:
                return await pbx.well_behaved(action, writer)
            if action["Channel"].endswith("1"):
                return f"Response: Error\r\nActionID: {own['ActionID']}\r\nMessage: No such channel\r\n\r\n".encode()
            start = f"Response: Success\r\nActionID: {own['ActionID']}\r\nEventList: start\r\n\r\n".encode()
            row = event("Status", **own, Channel=action["Channel"], Uniqueid="2.1")
            return start + row + event("StatusComplete", **own, EventList="Complete")

        pbx.reply = status
        timing = replace(QUICK, silent=0.2, ask_every=0.05)
        async with linked(settings_for(pbx.port), timing=timing) as (_, listener):
            assert pbx.writer is not None
            pbx.writer.write(event("Newchannel", **channel("1.1", "PJSIP/trunk-00000001")))
            pbx.writer.write(event("Newchannel", **channel("2.1", "PJSIP/trunk-00000002")))
            await listener.until(lambda: any(not call.is_live for call in listener.calls.values()))
            (call,) = [call for call in listener.calls.values() if not call.is_live]
            assert (call.native_id, call.end_inferred) == ("1.1", True)
            await until(lambda: len([a for a in pbx.actions if a.get("Channel") == "PJSIP/trunk-00000002"]) > 2)
            assert [each.native_id for each in listener.calls.values() if each.is_live] == ["2.1"]


async def test_nobody_there_is_told_once_and_tried_for_ever() -> None:
    async with linked(settings_for(1), ready=False) as (pbx, listener):
        await until(lambda: pbx.counters.reconnects >= 5)
        assert len(listener.links) == 1


async def test_a_refused_filter_only_means_that_events_are_dropped_here(tmp_path: Path) -> None:
    rights = AmiUser("dozvon", "dozvon-secret", write=frozenset({"call", "originate", "reporting"}))
    office = Simulator(SimulatorSettings(spool=tmp_path, users=(rights,), speed=20))
    await office.start()
    async with linked(settings_for(office.ami.port)) as (pbx, listener):
        office.answers_after["101"] = 1.0
        office.talks_for["101"] = 2.0
        office.inbound("79161234567", "74950000001")
        (call,) = await listener.ended()
        assert call.disposition is Disposition.ANSWERED
        assert pbx.counters.events_dropped > 20
    await office.stop()


async def test_a_user_who_may_not_read_system_is_not_waited_for_long(tmp_path: Path) -> None:
    """FullyBooted is only sent with `system` (measured), but the link must come up without it."""
    user = AmiUser("dozvon", "dozvon-secret", read=frozenset({"call", "dialplan"}), write=frozenset({"call"}))
    office = Simulator(SimulatorSettings(spool=tmp_path, users=(user,)))
    await office.start()
    async with linked(settings_for(office.ami.port)) as (pbx, _):
        assert pbx.refused_questions == ["CoreStatus", "CoreShowChannels"]
        with pytest.raises(Rejected):
            await pbx.click_to_call(ClickToCall(request_id="r", extension="101", number="79161112233"))
    await office.stop()


# ---- received bytes --------------------------------------------------------------------------------------------------


async def test_blocks_cut_anywhere_are_put_together_again() -> None:
    """One byte at a time, so in the middle of every character and every line end."""
    async with ScriptedPbx() as pbx, linked(settings_for(pbx.port)) as (_, listener):
        assert pbx.writer
        for byte in whole_call("100.1"):
            pbx.writer.write(bytes([byte]))
            await pbx.writer.drain()
        (call,) = await listener.ended()
        assert call.disposition is Disposition.MISSED


async def test_broken_characters_unknown_events_and_odd_lines_are_lived_with() -> None:
    rubbish = [
        b"Event: Newchannel\r\nChannel: PJSIP/\xff\xfe-1\r\nUniqueid: \xd0\r\n\r\n",
        b"Event: SomethingNew\r\nOfVersion: 99\r\n\r\n",
        b"no colon at all\r\n\r\n",
        b": no key\r\n\r\n",
        b"\r\n\r\n",
        b"Event: Hangup\r\n\r\n",
        b"Response: Success\r\nActionID: nobody-asked\r\n\r\n",
        b"Event: BridgeEnter\r\nBridgeUniqueid: \r\nUniqueid: 5\r\nUniqueid: 6\r\n\r\n",
        b"Event: Newchannel\r\nX: " + b"y" * 1_000_000 + b"\r\n\r\n",
    ]
    async with ScriptedPbx() as pbx, linked(settings_for(pbx.port)) as (adapter, listener):
        assert pbx.writer
        pbx.writer.write(b"".join(rubbish) + whole_call("100.1"))
        await listener.until(lambda: any(c.native_id == "100.1" and not c.is_live for c in listener.records))
        assert adapter.is_connected
        assert pbx.connections == 1


async def test_a_block_without_end_ends_the_connection_and_not_the_process() -> None:
    patient = Timing(backoff=(0.05,), boot_unseen=1.0)
    async with ScriptedPbx() as pbx, linked(settings_for(pbx.port), timing=patient) as (_, listener):
        assert pbx.writer
        with contextlib.suppress(ConnectionError):
            for _ in range(100):
                pbx.writer.write(b"y" * 100_000)
                await pbx.writer.drain()
        await listener.until(lambda: len(listener.resyncs) == 2)
        assert "block" in next(reason for up, reason in listener.links if not up)


async def test_a_pbx_that_answers_no_ping_is_left(tmp_path: Path) -> None:
    """A peer that died without a FIN is noticed after a ping, not after hours as by TCP."""
    office = Simulator(SimulatorSettings(spool=tmp_path))
    await office.start()
    async with linked(settings_for(office.ami.port)) as (pbx, listener):
        office.ami.is_frozen = True
        await listener.until(lambda: not listener.links[-1][0])
        assert listener.links[-1][1] == "no answer to a ping"
        assert not pbx.is_connected
        office.ami.is_frozen = False
        await listener.until(lambda: listener.links[-1][0])
    await office.stop()


async def test_a_link_lost_in_the_middle_of_the_snapshot_is_asked_anew() -> None:
    async with ScriptedPbx() as pbx:

        async def cut_once(action: dict[str, str], writer: asyncio.StreamWriter) -> bytes | None:
            if action["Action"] == "Status" and pbx.connections == 1:
                writer.write(b"Response: Success\r\nActionID: " + action["ActionID"].encode() + b"\r\nEventList: sta")
                return None
            return await pbx.well_behaved(action, writer)

        pbx.reply = cut_once
        async with linked(settings_for(pbx.port)) as (adapter, listener):
            assert pbx.connections == 2
            assert adapter.is_connected
            assert [up for up, _ in listener.links] == [False, True]


async def test_a_question_without_an_answer_ends_the_session() -> None:
    """A snapshot that never completes must not leave calls unknown forever."""
    async with ScriptedPbx() as pbx:

        async def silent(action: dict[str, str], writer: asyncio.StreamWriter) -> bytes | None:
            return b"" if action["Action"] == "Ping" else await pbx.well_behaved(action, writer)

        pbx.reply = silent
        async with linked(settings_for(pbx.port), ready=False) as (_, listener):
            await listener.until(lambda: len(listener.resyncs) >= 2)


# ---- actions ---------------------------------------------------------------------------------------------------------


async def test_answers_find_their_question_in_any_order() -> None:
    async with ScriptedPbx() as pbx:
        held: list[dict[str, str]] = []

        async def backwards(action: dict[str, str], writer: asyncio.StreamWriter) -> bytes | None:
            if not action["Action"].startswith("Question"):
                return await pbx.well_behaved(action, writer)
            held.append(action)
            if len(held) < 3:
                return b""
            return b"".join(
                f"Response: Success\r\nActionID: {a['ActionID']}\r\nMessage: {a['Action']}\r\n\r\n".encode()
                for a in reversed(held)
            )

        pbx.reply = backwards
        async with session_to(pbx) as session:
            answers = await asyncio.gather(*(session.ask(question(f"Question{n}")) for n in range(3)))
            assert [response["Message"] for response, _ in answers] == ["Question0", "Question1", "Question2"]


@pytest.mark.parametrize(
    ("message", "kind", "code"),
    [
        ("Permission denied", Rejected, "permission_denied"),
        (
            "Invalid/unknown command: X. Use Action: ListCommands to show available commands.",
            Rejected,
            "unknown_action",
        ),
        ("No such channel", NotFound, "not_found"),
        ("Channel does not exist: PJSIP/1", NotFound, "not_found"),
        ("Something else", Rejected, "refused"),
    ],
)
async def test_refusals_are_told_apart(message: str, kind: type[Rejected], code: str) -> None:
    async with ScriptedPbx() as pbx:

        async def refuse(action: dict[str, str], writer: asyncio.StreamWriter) -> bytes | None:
            if action["Action"] == "Hangup":
                return f"Response: Error\r\nActionID: {action['ActionID']}\r\nMessage: {message}\r\n\r\n".encode()
            return await pbx.well_behaved(action, writer)

        pbx.reply = refuse
        async with session_to(pbx) as session:
            with pytest.raises(kind) as caught:
                await session.ask(hang_up("PJSIP/1-1"))
            assert caught.value.code == code


async def test_an_unanswered_command_has_an_unknown_outcome_and_a_question_has_not() -> None:
    async with ScriptedPbx() as pbx:

        async def vanish(action: dict[str, str], writer: asyncio.StreamWriter) -> bytes | None:
            return None if action["Action"] in ("Hangup", "Getvar") else await pbx.well_behaved(action, writer)

        pbx.reply = vanish
        async with session_to(pbx) as session:
            with pytest.raises(OutcomeUnknown):
                await session.ask(hang_up("PJSIP/1-1"))
        async with session_to(pbx) as session:
            with pytest.raises(Unavailable) as caught:
                await session.ask(question("Getvar"))
            assert not isinstance(caught.value, OutcomeUnknown)


async def test_a_click_cut_off_before_its_answer_is_looked_for_before_it_is_dialled_again() -> None:
    """The first attempt reached the PBX, but its answer was lost: the phone must not ring twice."""
    async with ScriptedPbx() as pbx:
        dialled: list[str] = []

        async def cut(action: dict[str, str], writer: asyncio.StreamWriter) -> bytes | None:
            own = f"ActionID: {action['ActionID']}\r\n"
            if action["Action"] == "Originate":
                dialled.append(action["ChannelId"])
                return None
            if action["Action"] == "CoreShowChannels" and dialled:
                row = channel("dozvon-r1", "PJSIP/101-00000001", CallerIDNum="101")
                lines = "".join(f"{k}: {v}\r\n" for k, v in row.items())
                return (
                    f"Response: Success\r\n{own}EventList: start\r\n\r\nEvent: CoreShowChannel\r\n{own}{lines}\r\n"
                    f"Event: CoreShowChannelsComplete\r\n{own}EventList: Complete\r\nListItems: 1\r\n\r\n"
                ).encode()
            return await pbx.well_behaved(action, writer)

        pbx.reply = cut
        async with linked(settings_for(pbx.port)) as (adapter, listener):
            click = ClickToCall(request_id="r1", extension="101", number="79161112233")
            with pytest.raises(OutcomeUnknown):
                await adapter.click_to_call(click)
            await listener.until(lambda: len(listener.resyncs) == 2)
            assert await adapter.click_to_call(click) == "office:dozvon-r1"
            assert dialled == ["dozvon-r1"]


async def test_a_slow_pbx_is_given_up_after_the_deadline() -> None:
    async with ScriptedPbx() as pbx:

        async def slow(action: dict[str, str], writer: asyncio.StreamWriter) -> bytes | None:
            return b"" if action["Action"] == "Hangup" else await pbx.well_behaved(action, writer)

        pbx.reply = slow
        async with session_to(pbx) as session:
            with pytest.raises(OutcomeUnknown):
                await session.ask(hang_up("PJSIP/1-1"), timeout_seconds=0.05)
            await session.ask(question("Ping"))  # the connection goes on


# ---- events and their listener ---------------------------------------------------------------------------------------


async def test_events_that_cannot_be_stored_wait_and_none_is_lost(tmp_path: Path) -> None:
    """While the disk is full, the same events are offered again, in order, and the link stays up."""
    office = Simulator(SimulatorSettings(spool=tmp_path, speed=20))
    await office.start()
    async with linked(settings_for(office.ami.port)) as (pbx, listener):
        failures = iter([Unavailable("disk full"), Unavailable("disk full"), ValueError("a bug")])

        def fail() -> None:
            if error := next(failures, None):
                raise error

        listener.before_events = fail
        office.answers_after["101"], office.talks_for["101"] = 1.0, 2.0
        office.inbound("79161234567", "74950000001")
        (call,) = await listener.ended()
        assert call.disposition is Disposition.ANSWERED
        assert call.seen_from_start
        assert pbx.listener_failures == 3
        assert len(listener.links) == 1
    await office.stop()


async def test_events_that_are_refused_for_good_do_not_hold_up_the_others(tmp_path: Path) -> None:
    """An event with a value that no database takes is given up; those of other calls are taken, with it or after it."""
    office = Simulator(SimulatorSettings(spool=tmp_path, speed=20))
    await office.start()
    async with linked(settings_for(office.ami.port)) as (pbx, listener):
        take = listener.on_events

        async def refuse(events: Sequence[CallEvent]) -> None:
            if any(isinstance(event, CallStarted) and event.caller == "79160000000" for event in events):
                raise Rejected("The database refuses these values.")
            await take(events)

        listener.on_events = refuse  # type: ignore[method-assign]
        office.inbound("79160000000", "74950000003")
        office.answers_after["101"], office.talks_for["101"] = 1.0, 2.0
        office.inbound("79161234567", "74950000001")
        await listener.until(lambda: any(call.disposition for call in listener.calls.values()))
        (call,) = (call for call in listener.calls.values() if call.disposition)
        assert (call.caller, call.disposition) == ("79161234567", Disposition.ANSWERED)
        assert pbx.listener_failures in (1, 2)  # alone, or with the others and then alone
        assert len(listener.links) == 1
    await office.stop()


async def test_a_listener_that_hangs_stops_the_reading_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Backpressure: the queue of events is bounded; reading stops when it is full, and continues when there is room."""
    monkeypatch.setattr("pbx_adapter.asterisk.ami.client.BACKLOG", 50)
    async with (
        ScriptedPbx() as pbx,
        linked(settings_for(pbx.port), timing=Timing(boot_unseen=1.0)) as (adapter, listener),
    ):
        go = asyncio.Event()
        original = listener.on_events

        async def hang(events: object) -> None:
            await go.wait()
            await original(events)  # type: ignore[arg-type]

        listener.on_events = hang  # type: ignore[method-assign]
        assert pbx.writer
        for n in range(300):
            pbx.writer.write(whole_call(f"{n}.1"))
            await asyncio.sleep(0)
        await until(lambda: adapter.counters.pauses > 0)
        go.set()
        calls = await listener.ended(300)
        assert len(calls) == 300


# ---- TLS -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A self-signed certificate for localhost, with its key in the same file."""
    key, cert, both = tmp_path / "key.pem", tmp_path / "cert.pem", tmp_path / "both.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run([*command.split(), *names, "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)
    both.write_bytes(cert.read_bytes() + key.read_bytes())
    return both


async def test_tls_checks_the_certificate_unless_told_not_to(tmp_path: Path, certificate: Path) -> None:
    office = Simulator(SimulatorSettings(spool=tmp_path, ssl_cert=certificate))
    await office.start()
    port = office.ami.port
    for good in ({"ca": str(certificate.with_name("cert.pem"))}, {"verify": False}):
        async with linked(settings_for(port, tls=good)) as (pbx, _):
            assert pbx.is_connected
    async with linked(settings_for(port, tls=True), ready=False) as (_, listener):
        await listener.until(lambda: listener.links)
        assert "certificate" in listener.links[0][1].lower()
    await office.stop()
