"""What an Asterisk says of its people, and the steps that make phones for new ones."""

from __future__ import annotations

import pytest

from integration.domain.sentences import say
from integration.errors import Rejected
from integration.ports.pbx import PbxEmployee
from integration.ports.pbx_setup import NewPhone
from pbx_adapter.asterisk.ami.client import AmiCounters, connected
from pbx_adapter.asterisk.people import employees
from tests.adapters.asterisk_kit import settings_for
from tests.adapters.pbx_setup_kit import CALM, HOSTILE, answering, only, setup_for
from tests.adapters.scripted_pbx import ScriptedPbx, event

ENDPOINTS = [
    event("EndpointList", ObjectName="101", Contacts="101/sip:101@10.0.0.5", DeviceState="Not in use"),
    event("EndpointList", ObjectName="99101", Contacts="", DeviceState="Unavailable"),
    event("EndpointList", ObjectName="102", Contacts="", DeviceState="Unavailable"),
]
MAILBOXES = [
    event("VoicemailUserEntry", VoiceMailbox="101", Fullname="Anna Orlova", Email="anna@firm.test"),
    event("VoicemailUserEntry", VoiceMailbox="102", Fullname=HOSTILE, Email="(null)"),
]


async def people_of(**lists: object) -> list[PbxEmployee]:
    async with ScriptedPbx() as pbx:
        answering(pbx, only(**lists))  # type: ignore[arg-type]
        settings = settings_for(pbx.port)
        async with connected(settings, wanted=None, timing=CALM, counters=AmiCounters()) as session:
            return await employees(session, settings.office)


async def test_a_person_has_the_mailbox_s_email_and_all_their_phones() -> None:
    found = await people_of(PJSIPShowEndpoints=ENDPOINTS, PJSIPShowEndpoint=[], VoicemailUsersList=MAILBOXES)
    assert found == [
        PbxEmployee(
            extension="101",
            name="Anna Orlova",
            is_registered=True,
            email="anna@firm.test",
            devices=("PJSIP/101", "PJSIP/99101"),
        ),
        PbxEmployee(extension="102", name=HOSTILE, is_registered=False, devices=("PJSIP/102",)),
    ]


async def test_without_voicemail_the_people_are_there_all_the_same() -> None:
    found = await people_of(PJSIPShowEndpoints=ENDPOINTS, PJSIPShowEndpoint=[])
    assert [(each.extension, each.name, each.email) for each in found] == [("101", "", ""), ("102", "", "")]


VERA = NewPhone(extension="301", name='Вера "x" <1>; Соколова\\n', secret="a1B2c3D4")


@pytest.mark.parametrize(
    ("flavour", "places"),
    [
        ("asterisk", ["/etc/asterisk/pjsip.conf", ""]),
        ("freepbx", ["Connectivity → Extensions → Add Extension → Add New SIP [chan_pjsip] Extension"]),
        ("mikopbx", ["Telephony → Extensions"]),
    ],
)
async def test_each_product_has_its_way_to_make_a_phone(flavour: str, places: list[str]) -> None:
    async with setup_for(1, flavour=flavour) as setup:
        steps = setup.phone_setup([VERA])
    assert [say(each.place, "en") for each in steps] == places
    said = "\n".join([*(each.text for each in steps), *(say(f.value, "en") for each in steps for f in each.form)])
    assert "a1B2c3D4" in said
    assert "301" in said
    assert not set(';"<\\') & set("".join(say(f.value, "en") for each in steps for f in each.form))


async def test_a_name_cannot_break_out_of_its_line() -> None:
    async with setup_for(1, flavour="asterisk") as setup:
        [block, _] = setup.phone_setup([VERA])
    lines = [line for line in block.text.splitlines() if line.startswith("callerid")]
    assert lines == ['callerid="Вера x 1 Соколова n" <301>']


@pytest.mark.parametrize(
    "phone",
    [
        NewPhone(extension="301\r\nAction: x", secret="a1B2c3D4"),
        NewPhone(extension="301]", secret="a1B2c3D4"),
        NewPhone(extension="", secret="a1B2c3D4"),
        NewPhone(extension="301", secret="short"),
        NewPhone(extension="301", secret="a1B2c3D4;x"),
    ],
)
async def test_what_cannot_stand_in_the_file_is_refused(phone: NewPhone) -> None:
    async with setup_for(1, flavour="asterisk") as setup:
        with pytest.raises(Rejected):
            setup.phone_setup([phone])
