"""What a person enters on the PBX, for each product, and the include with the office's values."""

from __future__ import annotations

import pytest

from integration.errors import Rejected
from integration.ports.pbx_setup import RouteWishes
from pbx_adapter.asterisk import AsteriskPbx
from pbx_adapter.asterisk.settings import AsteriskSettings
from pbx_adapter.asterisk.setup.preparation import FLAVOURS, preparation
from pbx_adapter.asterisk.setup.route_text import include_text, office_context
from pbx_adapter.asterisk.setup.route_writing import contexts_of
from tests.adapters.asterisk_kit import settings_for
from tests.lab.asterisk import AGI_PATH


@pytest.mark.parametrize("flavour", [each.key for each in FLAVOURS])
@pytest.mark.parametrize("language", ["ru", "uk", "en"])
def test_every_flavour_is_prepared_in_every_language(flavour: str, language: str) -> None:
    prepared = preparation({"host": "10.0.0.1"}, flavour=flavour, server_address="10.0.0.2")
    settings = AsteriskSettings.from_config("office", prepared.options)
    assert (settings.flavour, settings.username) == (flavour, "dozvon")
    assert len(settings.secret) >= 32
    said = [step.says.say(language) for step in prepared.steps]
    assert all(said)
    shown = [step.text for step in prepared.steps] + [
        str(field.value) for step in prepared.steps for field in step.form
    ]
    assert any(settings.secret in text for text in shown)
    assert any("10.0.0.2/" in text for text in shown)
    assert not any("command" in text or "config" in text for text in shown), "no right that is not needed"


def test_what_is_known_stays_and_a_secret_is_new_each_time() -> None:
    known = {"host": "pbx", "secret": "ours", "username": "crm", "originate_context": "office"}
    prepared = preparation(known, flavour="freepbx", server_address="10.0.0.2")
    assert {key: prepared.options[key] for key in known} == known
    fresh = [preparation({}, flavour="asterisk", server_address="::1").options["secret"] for _ in range(2)]
    assert fresh[0] != fresh[1]


def test_a_hostile_value_stays_in_its_line() -> None:
    options = {"username": "x]\n[admin", "secret": "a;b\r\nwrite = all"}
    prepared = preparation(options, flavour="asterisk", server_address="10.0.0.2\npermit = 0.0.0.0/0.0.0.0")
    block = prepared.steps[0].text
    assert block.splitlines()[:2] == ["[xadmin]", "secret = a\\;bwrite = all"]
    assert sum(line.startswith("permit") for line in block.splitlines()) == 1
    assert sum(line.startswith("write =") for line in block.splitlines()) == 1


def test_a_name_instead_of_an_address_is_said() -> None:
    steps = preparation({}, flavour="asterisk", server_address="dozvon.lan").steps
    assert any("dozvon.lan" in step.says.say("en") and "IP address" in step.says.say("en") for step in steps)


@pytest.mark.parametrize("flavour", [each.key for each in FLAVOURS])
def test_the_include_has_the_offices_values(flavour: str) -> None:
    settings = settings_for(5038, flavour=flavour, fastagi={"host": "10.0.0.2", "path": AGI_PATH})
    wishes = RouteWishes(incoming_contexts=("from-trunk",), reserve="600")
    setup = AsteriskPbx(settings, session=None).setup.route_setup(wishes)  # type: ignore[arg-type]
    assert f"Set(DOZVON_AGI=agi://10.0.0.2:4573/{AGI_PATH})" in setup.include
    assert "Set(DOZVON_RESERVE=600)" in setup.include
    assert any(step.text == setup.include for step in setup.steps)
    assert all(step.says.say(language) for step in setup.steps for language in ("ru", "uk", "en"))
    assert "[globals]" not in setup.include.replace("; Global variables ([globals]", "")
    if flavour == "mikopbx":
        assert "[from-trunk-custom]" in setup.include


def test_the_contexts_that_are_written_are_those_of_the_file() -> None:
    contexts = contexts_of(include_text(settings_for(5038), RouteWishes()))
    brought = ["inbound", "freepbx", "campaign", "answers", "doctor", "office"]
    assert [name for name, _ in contexts] == [f"dozvon-{each}" for each in brought]
    assert all(" => " in line for _, lines in contexts for line in lines)
    assert not any(";" in line for _, lines in contexts for line in lines), "a comment would be cut off by the PBX"


@pytest.mark.parametrize(
    ("wishes", "code"),
    [
        (RouteWishes(reserve="101)\nexten => s,1,System(rm"), "bad_reserve"),
        (RouteWishes(reserve="101,tT"), "bad_reserve"),
        (RouteWishes(incoming_contexts=("a]\n[b",)), "bad_context"),
        (RouteWishes(phones_context="${SHELL(id)}"), "bad_context"),
    ],
)
def test_a_wish_that_would_be_dialplan_is_refused(wishes: RouteWishes, code: str) -> None:
    with pytest.raises(Rejected) as refused:
        office_context(settings_for(5038), wishes)
    assert refused.value.code == code
