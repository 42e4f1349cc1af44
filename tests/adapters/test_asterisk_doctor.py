"""The doctor: every error gives a finding that says what to write, and nothing correct gives one."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

import aiohttp
import pytest

from integration.domain.campaigns.needs import NO_CAMPAIGNS, CampaignNeeds
from integration.domain.routing.route import RouteDecision, RouteQuestion
from integration.ports.findings import Finding, FindingLevel
from integration.ports.pbx import DialSample
from pbx_adapter.asterisk import AgiDoor, FastAgiServer
from pbx_adapter.asterisk.agi.addresses import MayAsk
from pbx_adapter.asterisk.ami.client import AmiCounters, connected
from pbx_adapter.asterisk.doctor import checks as doctor
from pbx_adapter.asterisk.doctor import network as doctor_network
from pbx_adapter.asterisk.doctor.recordings import recordings
from pbx_adapter.asterisk.doctor.trunks import trunks
from pbx_adapter.asterisk.simulator import AmiUser, Simulator, SimulatorSettings
from pbx_adapter.asterisk.simulator.recording import write_wav
from tests.adapters.asterisk_kit import QUICK, settings_for
from tests.adapters.scripted_pbx import ScriptedPbx, event
from tests.lab.asterisk import AGI_PATH

READ = frozenset({"system", "call", "agent", "user", "cdr", "dialplan"})
WRITE = frozenset({"system", "call", "agent", "originate", "reporting"})


class NeverAsked:
    async def route(self, question: RouteQuestion, uniqueid: str) -> RouteDecision:
        raise AssertionError("the doctor's question decides nothing")


async def examined(
    tmp_path: Path,
    *,
    samples: Sequence[DialSample] = (),
    needs: CampaignNeeds = NO_CAMPAIGNS,
    read: frozenset[str] = READ,
    write: frozenset[str] = WRITE,
    include: bool = True,
    at: str = AGI_PATH,
    is_answered: bool = False,
    **values: object,
) -> Mapping[str, Finding]:
    """Findings about an office whose user has these rights, and whose include reaches a Dozvon that answers."""
    server = FastAgiServer([AgiDoor(frozenset({at} if is_answered else ()), NeverAsked(), MayAsk())])
    await server.start()
    user = AmiUser("dozvon", "dozvon-secret", read, write)
    agi = f"agi://127.0.0.1:{server.port}/{at}" if include else None
    office = Simulator(SimulatorSettings(spool=tmp_path, users=(user,), agi=agi, agi_patience=0.5))
    await office.start()
    async with aiohttp.ClientSession() as session:
        findings = await doctor.diagnose(
            settings_for(office.ami.port, **values), session, samples=samples, needs=needs, timing=QUICK
        )
    await office.stop()
    await server.close()
    return {finding.check: finding for finding in findings}


@pytest.mark.parametrize(
    ("without", "check", "group"),
    [
        ("originate", "permission originate", "originate"),
        ("call", "permission call", "call"),
        ("reporting", "permission reporting", "reporting"),
        ("system", "permission system", "system"),
    ],
)
async def test_a_missing_write_class_is_named_with_its_use(
    without: str, check: str, group: str, tmp_path: Path
) -> None:
    finding = (await examined(tmp_path, write=WRITE - {without}))[check]
    assert finding.level is FindingLevel.ERROR
    assert f"add {group} to write = under [dozvon] in manager.conf" in finding.remedy


@pytest.mark.parametrize("include", [True, False])
@pytest.mark.parametrize("without", ["system", "call", "dialplan"])
async def test_a_missing_read_class_is_seen_by_what_does_not_arrive(
    without: str, include: bool, tmp_path: Path
) -> None:
    findings = await examined(tmp_path, read=READ - {without}, include=include)
    finding = findings[f"events {without}"]
    assert finding.level is FindingLevel.ERROR
    assert f"add {without} to read =" in finding.remedy


async def test_before_the_include_the_events_are_tried_all_the_same(tmp_path: Path) -> None:
    findings = await examined(tmp_path, include=False)
    lights = {f"events {group}": findings[f"events {group}"].level for group in ("system", "call", "dialplan")}
    assert set(lights.values()) == {FindingLevel.OK}
    assert all(findings[f"permission {group}"].level is FindingLevel.OK for group in WRITE - {"agent"})


MOBILE = "numbers dialled: a mobile"


async def test_a_number_that_the_offices_context_takes_is_fine(tmp_path: Path) -> None:
    sample = DialSample(what="a mobile", dialled="+79161234567")
    finding = (await examined(tmp_path, samples=[sample], originate_context="internal"))[MOBILE]
    assert (finding.level, finding.message) == (FindingLevel.OK, "internal takes 79161234567")


async def test_a_number_that_it_takes_in_another_form_comes_with_the_setting_to_write(tmp_path: Path) -> None:
    others = (('click = "local"', "1234567"), ('click = "national"', "89161234567"))
    sample = DialSample(what="a mobile", dialled="979161234567", others=others)
    finding = (await examined(tmp_path, samples=[sample], originate_context="internal"))[MOBILE]
    assert finding.level is FindingLevel.WARNING
    assert "dials nothing" in finding.message
    assert 'write click = "national" under [account.dial]: internal takes 89161234567' in finding.remedy


@pytest.mark.parametrize("context", ["outbound", "nowhere"])
async def test_a_number_that_it_does_not_take_at_all_asks_for_a_route(tmp_path: Path, context: str) -> None:
    sample = DialSample(what="a mobile", dialled="89161234567")
    finding = (await examined(tmp_path, samples=[sample], originate_context=context))[MOBILE]
    assert finding.level is FindingLevel.WARNING
    assert f"give {context} an outgoing route" in finding.remedy


async def test_the_include_that_is_missing_is_explained(tmp_path: Path) -> None:
    finding = (await examined(tmp_path, include=False))["dialplan"]
    assert finding.level is FindingLevel.ERROR
    assert f"DOZVON_AGI = agi://127.0.0.1:4573/{AGI_PATH}" in finding.remedy


async def test_somebody_else_at_the_agi_address_is_not_taken_for_dozvon(tmp_path: Path) -> None:
    """That server does not know the path: it accepts the connection, and answers nothing."""
    finding = (await examined(tmp_path))["way back"]
    assert finding.level is FindingLevel.ERROR
    assert "answers, but not as Dozvon" in finding.message
    assert "fastagi.allow" in finding.message


async def test_an_address_of_questions_that_anybody_can_guess_is_named(tmp_path: Path) -> None:
    """The PBX's id, as dialplans of older installations have it: it works, and should be changed."""
    finding = (await examined(tmp_path, at="office", is_answered=True))["way back"]
    assert finding.level is FindingLevel.WARNING
    assert f"/{AGI_PATH} under [globals]" in finding.remedy
    assert (await examined(tmp_path, is_answered=True))["way back"].level is FindingLevel.OK


@pytest.mark.parametrize(
    ("host", "is_far", "in_container", "tls", "level"),
    [
        ("127.0.0.1", False, False, False, FindingLevel.OK),
        ("10.20.30.40", False, False, False, FindingLevel.OK),  # the next machine
        ("10.20.30.40", True, False, False, FindingLevel.WARNING),
        ("203.0.113.9", True, False, True, FindingLevel.OK),
        ("10.20.30.40", True, True, False, FindingLevel.OK),  # Docker's own router stands before everything
        ("8.8.8.8", True, True, False, FindingLevel.WARNING),
        ("no-such-host.invalid", True, False, False, FindingLevel.OK),  # said with the connection
    ],
)
async def test_plain_ami_across_networks_is_a_warning(
    host: str, is_far: bool, in_container: bool, tls: bool, level: FindingLevel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor_network, "is_behind_router", lambda _address: is_far)
    monkeypatch.setattr(doctor_network, "_in_container", lambda: in_container)
    ami, _ = await doctor_network.network(settings_for(5038, host=host, tls=tls))
    assert (ami.check, ami.level) == ("AMI network", level)
    assert ("tls = {" in ami.remedy) is (level is FindingLevel.WARNING)


@pytest.mark.parametrize(
    ("host", "in_container", "level"),
    [
        ("0.0.0.0", False, FindingLevel.WARNING),
        ("::", False, FindingLevel.WARNING),
        ("0.0.0.0", True, FindingLevel.OK),
        ("127.0.0.1", False, FindingLevel.OK),
    ],
)
async def test_fastagi_on_all_addresses_is_a_warning_with_the_address_to_write(
    host: str, in_container: bool, level: FindingLevel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor_network, "_in_container", lambda: in_container)
    _, fastagi = await doctor_network.network(settings_for(5038, fastagi={"host": host}))
    assert (fastagi.check, fastagi.level) == ("FastAGI network", level)
    if level is FindingLevel.WARNING:
        assert 'fastagi.host = "127.0.0.1"' in fastagi.remedy


ENDPOINTS = {
    # name: context, logs in elsewhere, known by its address
    "101": ("from-internal", False, False),
    "102": ("from-internal", False, True),  # a phone with a fixed address
    "anna": ("from-internal", False, False),
    "uplink": ("office-in", False, True),
    "carrier": ("from-pstn", True, True),
    "300": ("office-in", True, False),
}


def endpoints_reply(pbx: ScriptedPbx) -> Callable[[dict[str, str], asyncio.StreamWriter], Awaitable[bytes | None]]:
    async def reply(action: dict[str, str], writer: asyncio.StreamWriter) -> bytes | None:
        own = {"ActionID": action["ActionID"]}
        if action["Action"] == "PJSIPShowEndpoints":
            rows = [
                event("EndpointList", **own, ObjectName=name, OutboundAuths=name if logs_in else "")
                for name, (_, logs_in, _) in ENDPOINTS.items()
            ]
        elif action["Action"] == "PJSIPShowEndpoint":
            context, _, by_address = ENDPOINTS[action["Endpoint"]]
            rows = [event("EndpointDetail", **own, ObjectName=action["Endpoint"], Context=context)]
            rows += [event("IdentifyDetail", **own, Match="10.0.0.9/32")] if by_address else []
        elif action["Action"] == "SIPpeers":  # this PBX has no chan_sip
            return f"Response: Error\r\nActionID: {own['ActionID']}\r\nMessage: Unknown command\r\n\r\n".encode()
        else:
            return await pbx.well_behaved(action, writer)
        start = f"Response: Success\r\nActionID: {own['ActionID']}\r\nEventList: start\r\n\r\n".encode()
        return start + b"".join(rows) + event("ListComplete", **own, EventList="Complete")

    return reply


@pytest.mark.parametrize(
    ("known", "unknown"),
    [
        ((), ["300", "uplink"]),
        (("uplink",), ["300"]),
        (("uplink", "300"), []),
    ],
)
async def test_a_line_that_nobody_named_is_told_with_the_setting_to_write(
    known: tuple[str, ...], unknown: list[str]
) -> None:
    """Not phones, and not trunks with a telling context; on other trunks a short number is misread."""
    async with ScriptedPbx() as pbx:
        pbx.reply = endpoints_reply(pbx)
        settings = settings_for(pbx.port, trunks=list(known))
        async with connected(settings, wanted=None, timing=QUICK, counters=AmiCounters()) as session:
            finding = await trunks(session, settings)
    assert finding is not None
    assert finding.level is (FindingLevel.WARNING if unknown else FindingLevel.OK)
    if unknown:
        wanted = ", ".join(f'"{name}"' for name in sorted({*known, *unknown}))
        assert f"trunks = [{wanted}]" in finding.remedy


async def test_an_asterisk_that_is_too_old_is_named_as_such() -> None:
    async with ScriptedPbx() as pbx, aiohttp.ClientSession() as session:
        pbx.banner = b"Asterisk Call Manager/1.1\r\n"
        findings = await doctor.diagnose(settings_for(pbx.port), session, timing=QUICK)
    (version,) = (finding for finding in findings if finding.check == "version")
    assert version.level is FindingLevel.ERROR
    assert "Asterisk 11 or older" in version.message
    assert "Asterisk 16" in version.remedy


async def test_clocks_that_differ_are_a_warning_or_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time
    for ahead, level in ((10.0, FindingLevel.WARNING), (3600.0, FindingLevel.ERROR)):
        monkeypatch.setattr("pbx_adapter.asterisk.simulator.ami.time.time", lambda ahead=ahead: now() + ahead)
        monkeypatch.setattr("pbx_adapter.asterisk.doctor.checks.time", _Clock(now))
        assert (await examined(tmp_path))["clock"].level is level


class _Clock:
    def __init__(self, now: object) -> None:
        self.time = now


async def test_endpoints_that_look_like_nobody_are_told(tmp_path: Path) -> None:
    finding = (await examined(tmp_path, extension_pattern=r"9\d\d"))["employees"]
    assert finding.level is FindingLevel.WARNING
    assert "extension_pattern" in finding.remedy


async def test_the_folder_of_recordings_is_looked_into(tmp_path: Path) -> None:
    async def found(**place: str) -> Finding:
        async with aiohttp.ClientSession() as session:
            return await recordings(settings_for(1, recordings=place), session)

    assert (await found()).level is FindingLevel.WARNING
    assert (await found(path=str(tmp_path / "nowhere"))).level is FindingLevel.ERROR
    assert "no recording yet" in (await found(path=str(tmp_path))).message
    write_wav(tmp_path / "2026/11/22/a.wav", 0.1)
    assert (await found(path=str(tmp_path))).level is FindingLevel.OK
    old = time.time() - 30 * 86400
    os.utime(tmp_path / "2026/11/22/a.wav", (old, old))
    assert "30 days" in (await found(path=str(tmp_path))).message
    assert (await found(url="http://127.0.0.1:1")).level is FindingLevel.ERROR


async def test_a_missing_folder_for_sounds_is_a_warning_only_where_a_campaign_plays_something(tmp_path: Path) -> None:
    idle = (await examined(tmp_path))["campaigns"]
    assert (idle.level, idle.says.code) == (FindingLevel.OK, "campaigns_content")
    needed = (await examined(tmp_path, needs=CampaignNeeds(sounds=True)))["campaigns"]
    assert (needed.level, needed.says.code) == (FindingLevel.WARNING, "no_sounds")
    there = await examined(tmp_path, needs=CampaignNeeds(sounds=True), sounds={"path": str(tmp_path)})
    assert there["campaigns"].says.code == "campaigns_ready"


async def test_a_folder_that_somebody_has_named_is_tried_whether_a_campaign_needs_it_or_not(tmp_path: Path) -> None:
    finding = (await examined(tmp_path, sounds={"path": str(tmp_path / "missing")}))["campaigns"]
    assert (finding.level, finding.says.code) == (FindingLevel.WARNING, "sounds_closed")
