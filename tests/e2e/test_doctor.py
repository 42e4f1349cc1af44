"""`dozvon doctor` in the lab: it finds nothing if all is well, and otherwise names the error."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from tests.e2e.house import House
from tests.e2e.two_crms import TwoCrms, open_two_crms
from tests.lab.asterisk import WEAK_USER
from tests.lab.fixtures import OpenOffice

pytestmark = pytest.mark.lab


async def doctor(house: House | TwoCrms, *arguments: str) -> tuple[int | None, str]:
    """The exit code and the output."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "integration", "doctor", "--config", str(house.config), *arguments),
        env={**os.environ, "LC_ALL": "C.UTF-8"},
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode, said.decode()


async def test_beside_a_running_dozvon(house: House) -> None:
    """If all is well it finds nothing; it names a missing folder and missing rights."""
    code, said = await doctor(house)
    assert code == 0, said
    assert "ERROR" not in said
    warnings = [line.strip() for line in said.splitlines() if line.strip().startswith("warning")]
    assert [line.partition(":")[0] for line in warnings] == ["warning administrators"], "they share the file's password"
    for check in (
        "connection",
        "login",
        "permission call",
        "events dialplan",
        "recordings",
        "way back",
        "amocrm.account",
        "amocrm.unsorted",
    ):
        assert f"ok      {check}" in said, said

    _, said = await doctor(house, "--language", "uk")
    assert "ok      Вхід: Вхід виконано: dozvon." in said
    _, said = await doctor(house, "--json", "--language", "ru")
    (login,) = [each for rows in json.loads(said).values() for each in rows if each["check"] == "login"]
    assert (login["code"], login["facts"], login["title"]) == ("logged_in", {"user": "dozvon"}, "Вход")

    house.configure(ami=WEAK_USER, recordings=house.folder / "nowhere")
    code, said = await doctor(house)
    assert code == 1
    assert "ERROR   permission originate" in said
    assert "add originate to write = under [weak] in manager.conf" in said
    assert "manager.conf" in said
    assert "ERROR   recordings" in said
    assert "nowhere" in said


async def test_no_consent_yet_and_no_dozvon(empty_house: House) -> None:
    code, said = await doctor(empty_house)
    assert code == 1
    assert "ERROR   amocrm.access" in said
    assert "ERROR   way back" in said


async def test_accounts_that_share_pbxs(open_office: OpenOffice, tmp_path: Path) -> None:
    """Each PBX is looked at once, whoever uses it, and what is wrong with it stands under its name."""
    office, branch = await open_office(), await open_office(major=16)
    async with open_two_crms(office, tmp_path, branch=branch) as place:
        await place.move_in()
        code, said = await doctor(place)
        assert code == 0, said
        office_said, branch_said = said[said.index("PBX office:") :].split("PBX branch:")
        for text, users in ((office_said, "sales, service"), (branch_said, "sales")):
            assert f"ok      accounts: {users}\n" in text
            assert text.count("ok      login") == 1
        branch.asterisk.kill()
        code, said = await doctor(place)
        assert code == 1
        assert said.count("ERROR   connection") == 1, said
        assert "ERROR" not in said[: said.index("PBX branch:")]
