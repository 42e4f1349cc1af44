"""What we send to Asterisk: the exact bytes, and that no input can add a line to them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.documents.problems import InvalidDocument
from integration.errors import ConfigError, Rejected
from integration.texts import LANGUAGES
from pbx_adapter.asterisk.ami import commands
from pbx_adapter.asterisk.settings import AsteriskSettings


def click(**changes: object) -> commands.Action:
    values: dict[str, object] = {
        "request_id": "r-1",
        "extension": "101",
        "number": "+79161112233",
        "channel_template": "PJSIP/{extension}",
        "context": "internal",
        "timeout_seconds": 15.0,
        "crm_call_id": "1001",
    }
    return commands.originate(**{**values, **changes})  # type: ignore[arg-type]


def test_a_click_is_written_with_our_channel_id_and_async() -> None:
    assert click().wire("a1") == (
        b"Action: Originate\r\nActionID: a1\r\nChannel: PJSIP/101\r\nContext: internal\r\nExten: 79161112233\r\n"
        b"Priority: 1\r\nTimeout: 15000\r\nAsync: true\r\nChannelId: dozvon-r-1\r\n"
        b"Variable: CONNECTEDLINE(num)=79161112233\r\nVariable: CONNECTEDLINE(name)=79161112233\r\n"
        b"Variable: CALLERID(num)=101\r\nVariable: __REALCALLERIDNUM=101\r\n"
        b"Variable: __DOZVON_CALL=r-1\r\nVariable: __CRM_CALL_ID=1001\r\n\r\n"
    )


def test_a_local_channel_gets_an_id_for_its_second_half_too() -> None:
    headers = dict(click(channel_template="Local/{extension}@from-internal").headers)
    assert headers["Channel"] == "Local/101@from-internal"
    assert headers["OtherChannelId"] == "dozvon-r-1-2"


def test_who_calls_is_the_employee_and_never_the_client() -> None:
    """A carrier refuses a call whose caller number is the called number. A phone's own `callerid` does not change."""
    for has_caller_id in (True, False):
        headers = click(has_caller_id=has_caller_id).headers
        assert "CallerID" not in dict(headers)
        said = [value for name, value in headers if name == "Variable"]
        assert ("CALLERID(num)=101" in said) is not has_caller_id
        assert "__REALCALLERIDNUM=101" in said
        assert "CONNECTEDLINE(num)=79161112233" in said


def test_the_plus_stays_where_the_dialplan_wants_it() -> None:
    assert dict(click(dial_plus=True).headers)["Exten"] == "+79161112233"


@pytest.mark.parametrize(
    "changes",
    [
        {"number": "7916\r\nAction: Command"},  # another header
        {"number": "79161112233,1,A(x)"},  # AMI and the dialplan take commas as separators
        {"number": ""},
        {"number": "Local/1@x"},
        {"extension": "101\nChannel: x"},
        {"extension": "101&PJSIP/102"},  # Dial's separator: would ring a second phone
        {"extension": "101@other-context"},
        {"extension": ""},
        {"request_id": "r 1"},
        {"request_id": "r\r\n"},
        {"crm_call_id": "1,__EVIL=2"},  # a second variable
        {"crm_call_id": "${SHELL(id)}"},
        {"context": "internal\r\n"},
    ],
)
def test_a_value_that_could_mean_more_than_itself_is_refused(changes: dict[str, str]) -> None:
    with pytest.raises(Rejected):
        click(**changes)


@pytest.mark.parametrize("channel", ["/.*/", "", "PJSIP", "PJSIP/1\r\nX: y", "PJSIP/1,2", "PJSIP/1 2", "PJSIP/1&2"])
def test_no_channel_name_is_a_pattern_or_a_list(channel: str) -> None:
    """Hangup accepts `/regex/`: a name of this form would end everybody's calls."""
    with pytest.raises(Rejected):
        commands.hang_up(channel)
    with pytest.raises(Rejected):
        commands.redirect(channel, context="x", extension="1")
    with pytest.raises(Rejected):
        commands.blind_transfer(channel, context="x", extension="1")


@pytest.mark.parametrize(
    "channel",
    ["PJSIP/101-0000000a", "Local/101@from-queue-00000001;2", "IAX2/10.0.0.1:4569-123", "SIP/a-b-1", "DAHDI/i1/7916-1"],
)
def test_every_kind_of_channel_can_be_hung_up(channel: str) -> None:
    assert f"Channel: {channel}\r\n".encode() in commands.hang_up(channel).wire("1")


@given(st.text(), st.text())
def test_whatever_a_value_holds_it_stays_one_header(value: str, action_id: str) -> None:
    block = commands.question("Status", Variables=value).wire(action_id)
    assert block.endswith(b"\r\n\r\n")
    assert block.count(b"\r\n") == 4  # Action, ActionID, Variables and the end
    assert block.count(b"\n") == block.count(b"\r") == 4


GOOD = {"host": "10.0.0.5", "username": "dozvon", "secret": "s3cret"}


def test_settings_have_working_defaults_and_hide_the_secret() -> None:
    settings = AsteriskSettings.from_config("office", GOOD)
    assert (settings.port, settings.tls) == (5038, None)
    assert "s3cret" not in repr(settings)


def test_the_address_of_questions_ends_in_what_nobody_can_guess() -> None:
    """The same in every process, different for every PBX, and never the PBX's id, which pages and metrics show."""
    urls = {
        AsteriskSettings.from_config(pbx, {**GOOD, "secret": secret}).agi_url
        for pbx in ("office", "other")
        for secret in ("s3cret", "another")
    }
    assert len(urls) == 4
    settings = AsteriskSettings.from_config("office", GOOD)
    assert re.fullmatch(r"agi://127\.0\.0\.1:4573/[0-9a-f]{24}", settings.agi_url)
    assert settings.agi_url == AsteriskSettings.from_config("office", GOOD).agi_url
    own = AsteriskSettings.from_config("office", {**GOOD, "fastagi": {"path": "x" * 16}})
    assert own.agi_url == f"agi://127.0.0.1:4573/{'x' * 16}"
    assert "x" * 16 not in repr(own)


def test_tls_moves_the_port_and_a_public_address_keeps_its_own() -> None:
    table = {**GOOD, "tls": {"ca": "/etc/ca.pem"}, "fastagi": {"public": "10.0.0.2:4999"}}
    settings = AsteriskSettings.from_config("office", table)
    assert settings.port == 5039
    assert settings.tls is not None
    assert settings.tls.verify
    assert settings.agi_url.startswith("agi://10.0.0.2:4999/")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"host": ""}, "pbx.host"),
        ({"secret": 5}, "pbx.secret"),
        ({"secret": "a\nb"}, "pbx.secret"),
        ({"port": 70000}, "pbx.port"),
        ({"port": True}, "pbx.port"),
        ({"hots": "x"}, "pbx.hots"),
        ({"tls": "yes"}, "pbx.tls"),
        ({"tls": {"cert": "x"}}, "pbx.tls.cert"),
        ({"recordings": {"path": "/a", "url": "http://b"}}, "pbx.recordings"),
        ({"recordings": {"url": "ftp://b"}}, "pbx.recordings.url"),
        ({"recordings": {"path": "monitor"}}, "pbx.recordings.path"),
        ({"extension_pattern": "("}, "pbx.extension_pattern"),
        ({"originate_channel": "PJSIP/101"}, "pbx.originate_channel"),
        ({"originate_channel": "PJSIP/{extension},1"}, "pbx.originate_channel"),
        ({"originate_context": "a b"}, "pbx.originate_context"),
        ({"trunks": "trunk"}, "pbx.trunks"),
        ({"click_timeout_seconds": 0}, "pbx.click_timeout_seconds"),
        ({"fastagi": {"public": "a b"}}, "pbx.fastagi.public"),
        ({"fastagi": {"allow": ["pbx.example"]}}, "pbx.fastagi.allow"),
        ({"fastagi": {"path": "office"}}, "pbx.fastagi.path"),
    ],
)
def test_a_wrong_setting_is_named_and_says_what_to_write(changes: dict[str, object], named: str) -> None:
    with pytest.raises(ConfigError) as caught:
        AsteriskSettings.from_config("office", {**GOOD, **changes})
    assert str(caught.value).startswith(f"{named}: ")
    assert "write" in str(caught.value).lower() or named in ("pbx.hots", "pbx.tls.cert", "pbx.fastagi.allow")


def test_everything_that_is_wrong_is_said_at_once_and_no_value_is_shown() -> None:
    table = {
        "host": "", "secret": "geheim\n", "port": "geheim", "hots": 1, "fastagi": {"port": -1, "path": "geheim"},
        "recordings": 5, "records": {"kind": "mysql", "cdr": "geheim; DROP", "url": "geheim://", "late_seconds": True},
    }  # fmt: skip
    with pytest.raises(InvalidDocument) as caught:
        AsteriskSettings.from_config("office", table, key="account.sales.asterisk")
    keys = [each.key.removeprefix("account.sales.asterisk.") for each in caught.value.problems]
    assert sorted(keys) == [
        "fastagi.path", "fastagi.port", "host", "hots", "port", "recordings", "records.cdr", "records.late_seconds",
        "records.url", "secret", "username",
    ]  # fmt: skip
    for language in LANGUAGES:
        said = caught.value.sentences(language)
        assert "geheim" not in str(said)
        assert len(said) == len(keys)


# ---- a campaign's calls --------------------------------------------------------------------------------------------


def campaign_call(**changes: object) -> commands.Action:
    values: dict[str, object] = {
        "attempt": "a-1",
        "number": "+79161112233",
        "extension": "101",
        "is_client_first": True,
        "channel_template": "PJSIP/{extension}",
        "context": "internal",
        "ring_seconds": 25,
        "caller_id": "74950000001",
        "line": "74950000001",
    }
    return commands.campaign_call(**{**values, **changes})  # type: ignore[arg-type]


def test_a_client_who_is_rung_first_leaves_through_the_dialplan_with_the_campaign_s_number() -> None:
    assert campaign_call().wire("a1") == (
        b"Action: Originate\r\nActionID: a1\r\nChannel: Local/79161112233@internal/n\r\nContext: internal\r\n"
        b"Exten: 101\r\nPriority: 1\r\nTimeout: 25000\r\nAsync: true\r\nChannelId: dozvon-a-1\r\n"
        b"Variable: CALLERID(num)=79161112233\r\nVariable: CALLERID(name)=79161112233\r\n"
        b"Variable: CONNECTEDLINE(num)=74950000001\r\nVariable: __TRUNKCIDOVERRIDE=74950000001\r\n"
        b"Variable: __DOZVON_LINE=74950000001\r\nVariable: __DOZVON_CALL=a-1\r\n"
        b"OtherChannelId: dozvon-a-1-2\r\n\r\n"
    )


def test_an_employee_who_is_rung_first_sees_the_client_and_shows_the_campaign_s_number() -> None:
    headers = campaign_call(is_client_first=False).headers
    assert (dict(headers)["Channel"], dict(headers)["Exten"]) == ("PJSIP/101", "79161112233")
    said = [value for name, value in headers if name == "Variable"]
    assert {"CONNECTEDLINE(num)=79161112233", "CALLERID(num)=74950000001", "__REALCALLERIDNUM=101"} <= set(said)
    own = [v for n, v in campaign_call(is_client_first=False, caller_id=None, line="").headers if n == "Variable"]
    assert "CALLERID(num)=101" in own
    assert not [value for value in own if "TRUNKCIDOVERRIDE" in value or "DOZVON_LINE" in value]


@pytest.mark.parametrize(
    "changes",
    [
        {"number": "7916@other-context"},
        {"number": "79161112233/n,1"},
        {"extension": "101,1"},
        {"caller_id": "7495,__EVIL=2"},
        {"caller_id": ""},
        {"line": "1\r\nAction: Command"},
        {"attempt": "a b"},
        {"context": "internal\r\n"},
    ],
)
@pytest.mark.parametrize("is_client_first", [True, False])
def test_a_campaign_s_value_that_could_mean_more_is_refused(changes: dict[str, str], is_client_first: bool) -> None:
    with pytest.raises(Rejected):
        campaign_call(is_client_first=is_client_first, **changes)
