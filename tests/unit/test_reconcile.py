"""Whatever runs, the steps lead to what is wanted, and then there is nothing to do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.domain.ids import AccountId, Extension, PbxId
from integration.domain.numbers.numbering import DialRules
from integration.domain.settings import AccountSettings, Employee, LineSettings
from integration.process.config import AccountConfig
from integration.process.reconcile import Part, Replace, Start, Step, Stop, reconcile

ACME = AccountConfig(
    settings=AccountSettings(account=AccountId("acme"), employees=(Employee(extension=Extension("101")),)),
    crm="amocrm",
    crm_options={"client_id": "1", "client_secret": "s"},
    pbx="asterisk",
    pbx_id=PbxId("acme-pbx"),
    pbx_options={"host": "10.0.0.1", "secret": "s"},
)


def decided(**own: Any) -> AccountConfig:
    """ACME with other settings."""
    return replace(ACME, settings=replace(ACME.settings, **own))


accounts = st.builds(
    AccountConfig,
    settings=st.builds(
        AccountSettings,
        account=st.sampled_from("abcd").map(AccountId),
        country=st.sampled_from(["RU", "UA"]),
        employees=st.sampled_from([(), ACME.settings.employees]),
    ),
    crm=st.sampled_from(["amocrm", "bitrix24"]),
    crm_options=st.dictionaries(st.sampled_from(["client_id", "client_secret"]), st.sampled_from("xy")),
    pbx=st.just("asterisk"),
    pbx_id=st.sampled_from(["p", "q"]).map(PbxId),
    pbx_options=st.dictionaries(st.sampled_from(["host", "secret"]), st.sampled_from("xy")),
)
sets = st.lists(accounts, unique_by=lambda account: account.id, max_size=4)


def done(running: list[AccountConfig], steps: tuple[Step, ...]) -> list[AccountConfig]:
    """What a supervisor comes to that does exactly what the steps say."""
    now = {account.id: account for account in running}
    for step in steps:
        match step:
            case Stop(account=key):
                del now[key]
            case Start(account=account):
                assert account.id not in now
                now[account.id] = account
            case Replace(account=new, parts=parts):
                old = now[new.id]
                now[new.id] = replace(
                    new if Part.SETTINGS in parts else old,
                    crm_options=(new if Part.CRM in parts else old).crm_options,
                    pbx_options=(new if Part.PBX in parts else old).pbx_options,
                )
    return sorted(now.values(), key=lambda account: account.id)


@given(sets, sets)
def test_the_steps_lead_to_what_is_wanted_and_then_nothing_is_left(
    wanted: list[AccountConfig], running: list[AccountConfig]
) -> None:
    reached = done(running, reconcile(wanted, running))
    assert reached == sorted(wanted, key=lambda account: account.id)
    assert reconcile(wanted, reached) == ()


@given(sets, sets)
def test_an_account_that_stays_as_it_is_is_in_no_step(
    wanted: list[AccountConfig], running: list[AccountConfig]
) -> None:
    touched = {step.account if isinstance(step, Stop) else step.account.id for step in reconcile(wanted, running)}
    assert not touched & {account.id for account in wanted if account in running}


@pytest.mark.parametrize(
    ("changed", "parts"),
    [
        (replace(ACME, pbx_options={"host": "10.0.0.1", "secret": "new"}), {Part.PBX}),
        (replace(ACME, crm_options={"client_id": "1", "client_secret": "new"}), {Part.CRM}),
        (decided(lines={"74950000001": LineSettings(reserve="200")}), {Part.SETTINGS}),
        (decided(employees=()), {Part.SETTINGS}),
        (decided(language="uk"), {Part.SETTINGS}),
        # The connector reads the CRM's numbers by the office's rules.
        (decided(dial=DialRules(area_code="495")), {Part.SETTINGS, Part.CRM}),
    ],
)
def test_only_what_is_different_is_connected_again(changed: AccountConfig, parts: set[Part]) -> None:
    assert reconcile([changed], [ACME]) == (Replace(changed, frozenset(parts)),)


@pytest.mark.parametrize(
    "changed", [replace(ACME, pbx_id=PbxId("another")), replace(ACME, crm="bitrix24"), replace(ACME, pbx="freeswitch")]
)
def test_another_pbx_or_crm_is_a_new_start(changed: AccountConfig) -> None:
    assert reconcile([changed], [ACME]) == (Stop(ACME.id), Start(changed))


def test_addresses_are_given_back_before_others_take_them() -> None:
    other = replace(decided(account=AccountId("aaaa")), pbx_id=PbxId("aaaa-pbx"))
    assert reconcile([other], [ACME]) == (Stop(ACME.id), Start(other))
