"""Phones of new employees, made on a real Asterisk: they register with the secret, ring, and get another one."""

from __future__ import annotations

import pytest

from integration.ports.pbx_setup import NewPhone, RingResult
from pbx_adapter.asterisk.setup.phone_making import FILE, HOST
from tests.e2e.test_pbx_setup import both, setup_of
from tests.lab.asterisk import RECORDER_USER, WEAK_USER
from tests.lab.fixtures import OpenOffice
from tests.lab.phone import Phone

pytestmark = pytest.mark.lab
VERA = NewPhone(extension="301", name='Вера "Ви" <301>; Соколова', secret="secret301")
OLEG = NewPhone(extension="302", name="Олег", secret="secret302")


@both
async def test_a_new_phone_registers_rings_and_gets_another_secret(open_office: OpenOffice, major: int) -> None:
    office = await open_office(major)
    etc = office.asterisk.configuration
    before = {file.name: file.read_bytes() for file in etc.glob("*.conf")}
    async with setup_of(office, RECORDER_USER, flavour="asterisk") as setup:
        dry = await setup.write_phones([VERA, OLEG], dry=True)
        assert (dry.was_done, dry.refusal) == (False, None)
        assert {file.name: file.read_bytes() for file in etc.glob("*.conf")} == before

        done = await setup.write_phones([VERA, OLEG], dry=False)
        assert (done.was_done, done.refusal, done.changes) == (True, None, dry.changes)
        assert {name: (etc / name).read_bytes() for name in before} == before, "no file of the office is written"
        phone = await office.add_phone("301")
        phone.answers(after_seconds=0.2)
        assert (await setup.ring("301", seconds=8)).result is RingResult.ANSWERED
        people = {each.number: each for each in (await setup.survey()).extensions}
        assert (people["301"].name, people["301"].is_registered) == ("Вера Ви 301 Соколова", True)
        assert (people["302"].name, people["302"].is_registered) == ("Олег", False)

        other = NewPhone(extension="301", name=VERA.name, secret="another301")
        renewed = await setup.write_phones([other], dry=False)
        assert (renewed.was_done, renewed.refusal) == (True, None)
        assert [each.extension for each in await setup.own_phones()] == ["302", "301"], "the others stay"
        with pytest.raises(ConnectionRefusedError):
            await office.add_phone("301", name="with the old secret")
        server = ("127.0.0.1", office.asterisk.ports.sip)
        again = await Phone("301", "another301", server, clock=office.clock).open()
        await again.register()
        again.close()
        await office.add_phone("302")


@both
async def test_phones_of_others_and_files_of_others_are_left_alone(open_office: OpenOffice, major: int) -> None:
    office = await open_office(major)
    host = office.asterisk.configuration / HOST
    host.write_text("; [a-phone-of-ours]\n; type = wizard\n")
    async with setup_of(office, RECORDER_USER, flavour="asterisk") as setup:
        taken = await setup.write_phones([VERA, NewPhone(extension="101", secret="secret101")], dry=False)
        assert (taken.was_done, taken.refusal is not None) == (False, True)
        assert not (office.asterisk.configuration / FILE).exists()

        unread = await setup.write_phones([VERA], dry=False)
        assert unread.was_done
        assert unread.refusal is not None, "the office's file does not include ours, and it is said"
        assert unread.left_to_do[0].text == "#include pjsip_wizard_dozvon.conf"
        assert host.read_text().startswith("; [a-phone-of-ours]")
        host.write_text(f"{host.read_text()}\n{unread.left_to_do[0].text}\n")
        assert (await setup.write_phones([VERA], dry=False)).refusal is None
        await office.add_phone("301")


async def test_without_the_right_a_person_gets_the_block(open_office: OpenOffice) -> None:
    office = await open_office(22)
    async with setup_of(office, WEAK_USER, flavour="asterisk") as setup:
        refused = await setup.write_phones([VERA], dry=False)
    assert (refused.was_done, refused.refusal is not None) == (False, True)
    block = refused.left_to_do[0]
    assert block.place == "/etc/asterisk/pjsip.conf"
    with (office.asterisk.configuration / "pjsip.conf").open("a") as file:
        file.write(f"\n{block.text}\n")
    await office.asterisk.cli("module reload res_pjsip.so")
    await office.add_phone("301")
