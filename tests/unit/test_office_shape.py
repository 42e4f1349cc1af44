"""Whose channel it is: what the settings of an office overrule, and what AMI's values mean."""

from __future__ import annotations

import pytest

from integration.errors import ConfigError
from pbx_adapter.asterisk.tracker.office import OfficeShape, Party, PartyKind, present

CLIENT = "79161234567"


@pytest.mark.parametrize(
    ("trunks", "channel", "is_outside"),
    [
        # a name that looks like an extension
        ({"300"}, "PJSIP/300-00000001", True),
        ({"300"}, "PJSIP/301-00000001", False),
        ({"PJSIP/300"}, "PJSIP/300-00000001", True),
        ({"SIP/300"}, "PJSIP/300-00000001", False),
        ({"300", "400"}, "PJSIP/400-00000001", True),
        # ports, each or a whole span
        ({"33"}, "DAHDI/33-1", True),
        ({"DAHDI/33"}, "DAHDI/33-1", True),
        ({"DAHDI/33"}, "DAHDI/3-1", False),
        ({"i1"}, "DAHDI/i1/101-3", True),
        ({"DAHDI/i1"}, "DAHDI/i1/101-3", True),
        ({"DAHDI/i1"}, "DAHDI/i2/101-3", False),
        (set(), "DAHDI/33-1", False),
    ],
)
def test_a_trunk_of_the_settings_leads_outside_whatever_it_is_called(
    trunks: set[str], channel: str, is_outside: bool
) -> None:
    party = OfficeShape.from_words(trunks=trunks).party(channel, "from-internal", "201")
    assert (party.kind is PartyKind.EXTERNAL) is is_outside


@pytest.mark.parametrize(
    ("context", "is_outside"),
    [
        ("from-trunk", True),
        ("from-trunk-sip-mts", True),
        ("from-pstn-e164-us", True),
        ("incoming", True),
        ("provider-1", True),
        ("from-internal", False),
        ("ext-from-trunk", False),  # only how a context begins
        ("", False),
    ],
)
def test_a_context_that_calls_from_outside_enter_leads_outside(context: str, is_outside: bool) -> None:
    assert OfficeShape().party("PJSIP/101-00000001", context, CLIENT) == (
        Party(PartyKind.EXTERNAL, CLIENT) if is_outside else Party(PartyKind.EXTENSION, "101")
    )


@pytest.mark.parametrize(
    ("office", "channel", "context", "shown", "kind", "number"),
    [
        # a trunk is known by its context, an employee's phone by its name
        (OfficeShape(), "PJSIP/trunk-00000001", "from-trunk", "7916", PartyKind.EXTERNAL, "7916"),
        (OfficeShape(), "PJSIP/101-00000001", "internal", "101", PartyKind.EXTENSION, "101"),
        (OfficeShape(), "PJSIP/101-web-00000001", "internal", "101", PartyKind.EXTENSION, "101"),
        # a phone named after its owner is known by its caller id
        (OfficeShape(), "PJSIP/anna-00000001", "internal", "101", PartyKind.EXTENSION, "101"),
        (OfficeShape(), "PJSIP/anna-00000001", "internal", CLIENT, PartyKind.EXTERNAL, CLIENT),
        # the name counts more, and a place in a group shows the caller
        (OfficeShape(), "PJSIP/101-00000001", "internal", "102", PartyKind.EXTENSION, "101"),
        (OfficeShape(), "SIP/anna/12-00000001", "internal", "101", PartyKind.EXTERNAL, "101"),
        # a trunk that looks like an extension needs the settings, or the context
        (OfficeShape(), "SIP/300-00000001", "from-pstn", "7916", PartyKind.EXTERNAL, "7916"),
        (OfficeShape(trunks=frozenset({"300"})), "SIP/300-00000001", "default", "7916", PartyKind.EXTERNAL, "7916"),
        (OfficeShape(extension=r"ag-(\d+)"), "PJSIP/ag-7-00000001", "internal", "", PartyKind.EXTENSION, "7"),
        (OfficeShape(), "Local/101@x-00000001;2", "x", "101", PartyKind.LOCAL, ""),
        (OfficeShape(), "CBAnn/800-00000001;2", "x", "", PartyKind.NOBODY, ""),
        (OfficeShape(), "PJSIP/trunk-00000001", "from-trunk", "<unknown>", PartyKind.EXTERNAL, ""),
        # a port's number is not a phone's: its caller id and the context count
        (OfficeShape(), "DAHDI/12-1", "from-internal", "201", PartyKind.EXTENSION, "201"),
        (OfficeShape(), "Zap/101-1", "from-internal", "201", PartyKind.EXTENSION, "201"),
        (OfficeShape(), "DAHDI/i2/201-3", "from-internal", "201", PartyKind.EXTENSION, "201"),
        (OfficeShape(), "DAHDI/12-1", "from-internal", "", PartyKind.EXTERNAL, ""),
        (OfficeShape(), "DAHDI/101-1", "from-pstn", "201", PartyKind.EXTERNAL, "201"),
        (OfficeShape(), "DAHDI/101-1", "city", "79161234567", PartyKind.EXTERNAL, "79161234567"),
        (OfficeShape(), "DAHDI/i1/79161234567-1f", "city", "79161234567", PartyKind.EXTERNAL, "79161234567"),
        (OfficeShape(trunks=frozenset({"DAHDI/33"})), "DAHDI/33-1", "city", "21345", PartyKind.EXTERNAL, "21345"),
        (OfficeShape(trunks=frozenset({"DAHDI/i1"})), "DAHDI/i1/21345-4", "city", "21345", PartyKind.EXTERNAL, "21345"),
    ],
)
def test_whose_channel_it_is(
    office: OfficeShape, channel: str, context: str, shown: str, kind: PartyKind, number: str
) -> None:
    party = office.party(channel, context, shown)
    assert (party.kind, party.number) == (kind, number)


@pytest.mark.parametrize(
    ("channel", "extension"),
    [
        ("PJSIP/101-0000000a", "101"),
        ("PJSIP/101", "101"),
        ("PJSIP/anna-0000000a", None),
        ("Local/101@from-queue", "101"),
        ("Local/101@from-queue-00000001;2", "101"),
        ("Local/anna@from-queue", None),
        ("Skinny/101@phone-3", None),  # an @ means something else there: a line of a telephone
        ("DAHDI/12-1", None),
        ("DAHDI/101", None),
    ],
)
def test_the_extension_in_the_name_of_a_channel_or_device(channel: str, extension: str | None) -> None:
    assert OfficeShape().extension_of(channel) == extension


def test_a_pattern_of_extensions_takes_its_first_group() -> None:
    office = OfficeShape.from_words(extension=r"ag-(\d+)(?:-(\w+))?")
    assert office.as_extension("ag-7-web") == "7"
    assert office.as_extension("7") is None
    assert OfficeShape.from_words(extension=r"(\d{3})").as_extension("1011") is None, "a whole name"


@pytest.mark.parametrize(
    ("pattern", "said"), [(r"(\d+", "is not a regular expression"), (r"\d+", "needs a group"), ("", "needs a group")]
)
def test_a_pattern_that_finds_no_extension_is_refused(pattern: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        OfficeShape.from_words(extension=pattern)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("101", "101"),
        ("", ""),
        ("<unknown>", ""),
        ("(null)", ""),
        ("unknown", ""),
        ("Unknown street", "Unknown street"),
        (None, ""),
        (7, ""),
        (["101", "102"], "101"),  # a repeated header
        (["<unknown>", "102"], ""),
        ([], ""),
    ],
)
def test_a_value_that_ami_marks_as_absent_is_none(value: object, text: str) -> None:
    assert present(value) == text
