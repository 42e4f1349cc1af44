"""The release before and the present one work on one database, during the update and as long as it takes.

`tests/next_release` does the same with the present release and a made-up next one.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from integration.storage import migrate
from integration.storage.sql.migrate import HEAD
from tests.e2e.admin import administrator
from tests.e2e.crm_site import BORIS, DMITRY, MARIA
from tests.e2e.dozvon_process import DozvonProcess
from tests.lab.waiting import until, until_told
from tests.scaled import release_before
from tests.scaled.steady_calls import SteadyCalls, ask
from tests.scaled.town import PASSWORD, PATIENCE_SECONDS, Town, open_town

pytestmark = [pytest.mark.servers, pytest.mark.timeout(300)]

_CONTRACTING = f'''
revision = "9901"
down_revision = "{HEAD}"
needs = "{HEAD}"


def upgrade() -> None:
    """For this test no code since that step uses anything of before."""
'''


async def _taken_over(town: Town, calls: SteadyCalls, dying: DozvonProcess) -> None:
    """A process is killed in the middle of a call, which the other one goes on with; then it is started again."""
    async with calls.lasting():
        dying.kill()
        await town.holder()
    await dying.start(pbx="connected", crm="connected")


async def _a_card_and_a_click(town: Town, calls: SteadyCalls, process: DozvonProcess) -> None:
    """Through a process that is not linked to the PBX; the linked one is of the other release."""
    async with town.page(process) as page:
        async with calls.lasting():
            await page.gets("call_updated", state="talking")
        await page.gets("call_updated", state="ended")
    async with town.page(process, BORIS) as page:
        assert await town.click(process, MARIA, BORIS) == 202
        await until(lambda: _state(town, "102") == "ringing", timeout_seconds=PATIENCE_SECONDS)
        town.office.answer("102")
        await page.gets("call_updated", state="talking")
        town.office.hangup("102")
        await page.gets("call_updated", state="ended")


def _state(town: Town, extension: str) -> str:
    """What the phone does."""
    return str(next(each["state"] for each in town.office.state()["phones"] if each["extension"] == extension))


async def _changed_by_one_and_read_by_the_other(
    town: Town, extension: str, process: DozvonProcess, other: DozvonProcess
) -> None:
    """An administrator gives Dmitry a phone."""
    async with administrator(process.url, PASSWORD, address=town.url) as person:
        await person.map_people("town", {DMITRY: extension})
    async with administrator(other.url, PASSWORD, address=town.url) as person:

        async def is_read() -> bool:
            return await person.phone("town", DMITRY) == extension

        await until_told(is_read, timeout_seconds=PATIENCE_SECONDS)


async def _changes(town: Town) -> list[tuple[str, list[str]]]:
    """Who changed people, and which phones were Dmitry's after each change."""
    rows = await ask(town, "SELECT who, after FROM settings_changes WHERE section = 'people' ORDER BY revision")
    changes = [(json.loads(str(who))["kind"], json.loads(str(after))) for who, after in rows]
    return [
        (kind, [e["extension"] for e in after.values() if e.get("manager") == str(DMITRY)]) for kind, after in changes
    ]


async def test_the_release_before_works_beside_this_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = release_before.unpack(tmp_path / "before")
    async with open_town(tmp_path, processes=2, code=code) as town:
        calls = SteadyCalls(town)
        going_on = asyncio.create_task(calls.run())
        await calls.go_on()
        assert await ask(town, "SELECT DISTINCT knows FROM processes") == [(release_before.HEAD,)]

        # The present release comes while the former one follows a call.
        old, replaced = town.processes
        async with calls.lasting():
            assert await replaced.stop() == 0
            new = town.processes[1] = DozvonProcess(replaced.config, replaced.url, town.session)
            await new.start(pbx="connected", crm="connected")
        assert [entry["now"] for entry in new.said("the database took a step")] == release_before.STEPS_SINCE
        await calls.go_on()

        # A call goes from one release to the other and back.
        for dying, other in ((new, old), (old, new)):
            await _taken_over(town, calls, dying)
            assert await town.holder() is other
            await _a_card_and_a_click(town, calls, dying)

        # Settings that are changed by one release are read by the other.
        await _changed_by_one_and_read_by_the_other(town, "105", new, old)
        await _changed_by_one_and_read_by_the_other(town, "106", old, new)
        assert await _changes(town) == [("administrator", ["105"]), ("older_release", ["106"])]

        # What takes away waits for the former release, which then cannot start again.
        steps: Any = importlib.import_module("integration.storage.sql.migrate")
        (tmp_path / "steps").mkdir()
        (tmp_path / "steps" / "v9901_contract.py").write_text(_CONTRACTING)
        monkeypatch.setattr(steps, "HEAD", "9901")
        monkeypatch.setattr(steps, "FOLDERS", [*steps.FOLDERS, tmp_path / "steps"])

        async def contracted() -> bool:
            await migrate(town.database_url)
            return await ask(town, "SELECT version_num FROM alembic_version") == [("9901",)]

        assert not await contracted()
        async with calls.lasting():  # it may have the PBX's link
            assert await old.stop() == 0
            assert await town.holder() is new
        await until_told(contracted, timeout_seconds=PATIENCE_SECONDS)  # the row of the killed one runs out first
        old.launch()
        assert await old.ended(timeout_seconds=PATIENCE_SECONDS) == 2
        assert f"needs step {HEAD}. Update Dozvon here" in old.text()

        await calls.go_on()
        calls.stop()
        await going_on
        town.processes.remove(old)
        await town.in_the_crm(calls.made + 2)
        assert await ask(town, "SELECT id FROM calls WHERE state LIKE '%\"end_inferred\":true%'") == []


def test_a_clone_without_the_history_says_what_to_do(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", tmp_path / "clone"], check=True)
    with pytest.raises(pytest.fail.Exception, match="git fetch --unshallow"):
        release_before.unpack(tmp_path / "before", tmp_path / "clone")
