"""Channel names of every driver, and dial strings: the endpoint and the number in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx_adapter.asterisk.tracker.names import dialled_number, endpoint_of, is_nameless
from pbx_adapter.asterisk.tracker.office import OfficeShape, PartyKind


@pytest.mark.parametrize(
    ("channel", "endpoint"),
    [
        ("PJSIP/101-0000000a", ("PJSIP", "101")),
        ("PJSIP/101-1000000aa", ("PJSIP", "101")),  # a counter of more than eight digits
        ("PJSIP/anna-mobile-deadbeef", ("PJSIP", "anna-mobile")),
        ("PJSIP/trunk-msk-0000001a", ("PJSIP", "trunk-msk")),
        ("PJSIP/SIP-PHONE-7A1B2C-0000001a", ("PJSIP", "SIP-PHONE-7A1B2C")),
        # a failed Originate and a dial string name only the endpoint, whatever its ending
        ("PJSIP/101", ("PJSIP", "101")),
        ("PJSIP/gsm-1", ("PJSIP", "gsm-1")),
        ("PJSIP/line-2b", ("PJSIP", "line-2b")),
        ("SIP/101-b7e0f1c8", ("SIP", "101")),
        ("SIP/101-00000a", ("SIP", "101")),
        ("SIP/10.0.0.5-0000000a", ("SIP", "10.0.0.5")),
        ("SIP/msk-sip-trunk-7f2a4c0093b8", ("SIP", "msk-sip-trunk")),
        ("SIP/101-0000000a<ZOMBIE>", ("SIP", "101")),
        ("SIP/101-0000000a<MASQ><ZOMBIE>", ("SIP", "101")),
        ("Local/101@from-queue-00000002;1", ("Local", "101@from-queue")),
        ("Local/101@from-internal-1a2b3c4d;2<ZOMBIE>", ("Local", "101@from-internal")),
        ("Local/101@from-internal", ("Local", "101@from-internal")),
        ("IAX2/branch-8721", ("IAX2", "branch")),
        ("IAX2/branch-msk-12", ("IAX2", "branch-msk")),
        ("DAHDI/1-1", ("DAHDI", "1")),
        ("DAHDI/i1/79161234567-3", ("DAHDI", "i1/79161234567")),
        ("DAHDI/i2/79161234567-1f", ("DAHDI", "i2/79161234567")),
        ("Zap/4-1", ("Zap", "4")),
        ("Dongle/dongle0-010000000a", ("Dongle", "dongle0")),
        ("Dongle/gsm-mts-0100000012", ("Dongle", "gsm-mts")),
        ("Dongle/dongle0-02000000ff12", ("Dongle", "dongle0")),
        ("Quectel/quectel1-01000000fe", ("Quectel", "quectel1")),
        ("Datacard/datacard0-3f2a", ("Datacard", "datacard0")),
        ("Mobile/nokia-8d1e", ("Mobile", "nokia")),
        ("Khomp/B0C5-1.0", ("Khomp", "B0C5")),
        ("Khomp/B0C5-12", ("Khomp", "B0C5")),
        ("mISDN/1-u12", ("mISDN", "1")),
        ("CAPI/ISDN1/5551234-3c", ("CAPI", "ISDN1/5551234")),
        ("Motif/+15551234567@voice.google.com-1a2b", ("Motif", "+15551234567@voice.google.com")),
        ("SCCP/101-0000000A", ("SCCP", "101")),
        ("Skinny/101@phone-3", ("Skinny", "101@phone")),
        ("USTM/101@hall-0x83a2e30", ("USTM", "101@hall")),
        ("MGCP/aaln/1@gw-1", ("MGCP", "aaln/1@gw")),
        ("OOH323/gnugk-17", ("OOH323", "gnugk")),
        ("AudioSocket/10.0.0.9:9092-40325ec2-5efd-4bd3-805f-53576e581d13", ("AudioSocket", "10.0.0.9:9092")),
        ("UnicastRTP/10.0.0.9:4000-0x7f40a4007bd0", ("UnicastRTP", "10.0.0.9:4000")),
        ("Console/dsp", ("Console", "dsp")),
        # an unknown driver
        ("Radio/anna-bad", ("Radio", "anna-bad")),
        ("Radio/anna-0bad", ("Radio", "anna")),
        ("", ("", "")),
    ],
)
def test_the_endpoint_is_the_name_without_its_suffix(channel: str, endpoint: tuple[str, str]) -> None:
    assert endpoint_of(channel) == endpoint


@given(
    tech=st.sampled_from(["PJSIP", "SIP", "SCCP", "Dongle", "Quectel"]),
    name=st.from_regex(r"[a-z0-9]{1,10}(-[a-z]{1,5})?", fullmatch=True),
    counter=st.integers(0, 2**48),
    capitals=st.booleans(),
)
def test_a_suffix_of_any_length_is_taken_off(tech: str, name: str, counter: int, capitals: bool) -> None:
    suffix = f"{counter:08X}" if capitals else f"{counter:08x}"
    assert endpoint_of(f"{tech}/{name}-{suffix}") == (tech, name)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("79161112244@trunk", "79161112244"),
        ("+79161112244@trunk", "+79161112244"),
        ("trunk/79161112244", "79161112244"),
        ("74950000001/79161112244", "79161112244"),  # a trunk named after its number
        ("PJSIP/101", "101"),
        ("PJSIP/101&PJSIP/102", "101"),
        ("101/sip:101@10.0.0.5:5060", "101"),
        ("101/sip:49483212@10.0.0.5:5060;transport=ws", "101"),  # the name of a browser's phone
        ("trunk/sip:79161112244@carrier.example:5060", "79161112244"),
        ("PJSIP/trunk/sip:10.0.0.5:5060", ""),
        ("user:secret@branch/201", "201"),
        ("101:secret@branch/201", "201"),
        ("101:secret@branch", ""),
        ("g0/89161112244", "89161112244"),
        ("23/89161112244", "89161112244"),  # a DAHDI channel above nine
        ("g0/ww89161112244", "89161112244"),
        ("dongle0/holdother:+79161112244", "+79161112244"),
        ("Dongle/g1/holdother:79161112244", "79161112244"),
        ("r1/conference:79161112244", "79161112244"),
        ("i:353012345678901/79161112244", "79161112244"),  # a modem, named by its IMEI
        ("p:MTS/79161112244", "79161112244"),
        ("r0/33371234:orig=4858", "33371234"),
        ("g:first/79161112244", "79161112244"),
        ("ISDN1/5550000:79161112244/b", "79161112244"),
        ("google/+15551234567@voice.google.com", "+15551234567"),
        ("trunk/79161112244!!74950000001", "79161112244"),
        ("*98@from-internal", "*98"),
        ("anna", ""),
        ("", ""),
    ],
)
def test_the_number_is_found_in_a_dial_string(text: str, number: str) -> None:
    assert dialled_number(text) == number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12", ""),
        ("12/89161112244", "89161112244"),
        ("g0/89161112244", "89161112244"),
        ("r1/ww89161112244wwww105", "89161112244"),
        ("i1/+79161112244", "+79161112244"),
        ("DAHDI/i1/89161112244", "89161112244"),
        ("DAHDI/12", ""),
    ],
)
def test_the_port_in_a_dial_string_is_no_number(text: str, number: str) -> None:
    assert dialled_number(text, "DAHDI") == number


@pytest.mark.parametrize(
    ("name", "extension"),
    [
        ("101", "101"),
        ("1001", "1001"),
        ("101-web", "101"),
        ("99101", "101"),  # FreePBX: the browser's phone of 101
        ("90101", "101"),  # its mobile phone
        ("991001", "1001"),
        ("90101-x", "101"),
        # too short for one of those, or too long for an extension
        ("9910", "9910"),
        ("9012345", None),
        ("79161234567", None),
    ],
)
def test_devices_of_freepbx_are_their_employees(name: str, extension: str | None) -> None:
    assert OfficeShape().as_extension(name) == extension


def test_an_office_with_such_extensions_of_its_own_says_so() -> None:
    assert OfficeShape(extension=r"(\d{5})").as_extension("99101") == "99101"


@pytest.mark.parametrize(
    ("channel", "context", "shown", "kind", "number"),
    [
        ("Dongle/dongle0-010000000a", "from-gsm", "+79161234567", PartyKind.EXTERNAL, "+79161234567"),
        ("Quectel/quectel0-01000000fe", "default", "+79161234567", PartyKind.EXTERNAL, "+79161234567"),
        ("PJSIP/99101-0000000a", "from-internal", "101", PartyKind.EXTENSION, "101"),
        ("SCCP/101-0000000A", "from-internal", "101", PartyKind.EXTENSION, "101"),
        ("Khomp/B0C5-1.0", "from-khomp", "79161234567", PartyKind.EXTERNAL, "79161234567"),
    ],
)
def test_other_technologies_are_told_apart_like_sip(
    channel: str, context: str, shown: str, kind: PartyKind, number: str
) -> None:
    party = OfficeShape().party(channel, context, shown)
    assert (party.kind, party.number) == (kind, number)


@given(text=st.text(max_size=60))
def test_any_text_is_split_or_left(text: str) -> None:
    tech, endpoint = endpoint_of(text)
    assert text.startswith(tech)
    assert dialled_number(text) in text
    assert len(endpoint) <= len(text)


@pytest.mark.parametrize(
    ("channel", "nameless"),
    [
        ("PJSIP/anna-0000000a", True),
        ("PJSIP/line-2b-0000000a", True),
        ("PJSIP/101-0000000a", False),  # named after its number
        ("SIP/anna/12-0000000a", False),  # a place in a group
        ("SIP/1/2-0000000a", False),
        ("DAHDI/12-1", True),  # a port only says where a wire ends
        ("DAHDI/i1/79161234567-3", True),
        ("Dongle/dongle0-010000000a", True),
    ],
)
def test_whose_shown_number_counts(channel: str, nameless: bool) -> None:
    assert is_nameless(channel) is nameless
