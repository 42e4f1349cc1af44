"""What the tests of a PBX's setup share: a simulated office, a PBX with scripted answers, and the questions to them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import aiohttp

from integration.ports.pbx_setup import Survey
from pbx_adapter.asterisk import AsteriskPbx
from pbx_adapter.asterisk.ami.client import Timing
from pbx_adapter.asterisk.setup.setup import AsteriskSetup
from pbx_adapter.asterisk.simulator import AmiUser, Simulator, SimulatorSettings
from tests.adapters.asterisk_kit import settings_for
from tests.adapters.scripted_pbx import ScriptedPbx, event

READ = frozenset({"system", "call", "agent", "user", "dialplan"})
WRITE = frozenset({"system", "call", "originate", "reporting"})
CALM = Timing(boot_unseen=0.3)  # a busy machine may answer late
HOSTILE = '<script>alert(1)</script>";\\'


@contextlib.asynccontextmanager
async def simulated(
    tmp_path: Path, *, write: frozenset[str] = WRITE, agi: str | None = None, speed: float = 20.0
) -> AsyncIterator[Simulator]:
    user = AmiUser("dozvon", "dozvon-secret", READ, write)
    office = Simulator(
        SimulatorSettings(spool=tmp_path / "monitor", users=(user,), agi=agi, agi_patience=0.5, speed=speed)
    )
    await office.start()
    try:
        yield office
    finally:
        await office.stop()


@contextlib.asynccontextmanager
async def setup_for(port: int, **values: object) -> AsyncIterator[AsteriskSetup]:
    async with aiohttp.ClientSession() as session:
        yield AsteriskPbx(settings_for(port, **values), session=session, timing=CALM).setup


def answering(pbx: ScriptedPbx, rows: Callable[[dict[str, str]], Sequence[bytes] | str | None]) -> None:
    """`rows` gives the events of a list, a refusal's message, or None for the usual answer."""

    async def reply(action: dict[str, str], writer: asyncio.StreamWriter) -> bytes | None:
        own = f"ActionID: {action['ActionID']}\r\n"
        found = rows(action)
        if found is None:
            return await pbx.well_behaved(action, writer)
        if isinstance(found, str):
            return f"Response: Error\r\n{own}Message: {found}\r\n\r\n".encode()
        start = f"Response: Success\r\n{own}EventList: start\r\n\r\n".encode()
        body = b"".join(row.replace(b"\r\n", f"\r\n{own}".encode(), 1) for row in found)
        return start + body + event("ListComplete", ActionID=action["ActionID"], EventList="Complete")

    pbx.reply = reply


UNKNOWN = "Invalid/unknown command"
LISTS = {
    "PJSIPShowEndpoints", "PJSIPShowEndpoint", "SIPpeers", "SIPshowpeer", "SIPshowregistry", "IAXpeerlist",
    "DAHDIShowChannels", "ShowDialPlan", "VoicemailUsersList", "PJSIPShowRegistrationsOutbound",
}  # fmt: skip


def only(**lists: Sequence[bytes] | str) -> Callable[[dict[str, str]], Sequence[bytes] | str | None]:
    """These lists; other lists are unknown to this PBX."""

    def rows(action: dict[str, str]) -> Sequence[bytes] | str | None:
        name = action["Action"]
        return lists.get(name, UNKNOWN) if name in LISTS else None

    return rows


async def surveyed(rows: Callable[[dict[str, str]], Sequence[bytes] | str | None], **values: object) -> Survey:
    async with ScriptedPbx() as pbx, setup_for(pbx.port, **values) as setup:
        answering(pbx, rows)
        return await setup.survey()
