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
from integration.process.config import AccountConfig, PbxConfig
from integration.process.reconcile import (
    Part,
    Replace,
    ReplacePbx,
    Setup,
    Start,
    StartPbx,
    Step,
    Stop,
    StopPbx,
    reconcile,
)

OFFICE, PBX, BRANCH = AccountId("office"), PbxId("acme-pbx"), PbxId("branch")
ACME = AccountConfig(
    settings=AccountSettings(account=AccountId("acme"), employees=(Employee(extension=Extension("101")),)),
    crm="amocrm",
    crm_options={"client_id": "1", "client_secret": "s"},
    office=OFFICE,
    pbxs=(PBX,),
)
PBXS = {
    key: PbxConfig(
        id=key, office=OFFICE, kind="asterisk", options={"host": "10.0.0.1", "secret": "s"}, key=f"pbx.{key}"
    )
    for key in (PBX, BRANCH)
}
RUNNING = Setup(pbxs=(PBXS[PBX],), accounts=(ACME,))


def decided(**own: Any) -> AccountConfig:
    """ACME with other settings."""
    return replace(ACME, settings=replace(ACME.settings, **own))


pbx_configs = st.builds(
    PbxConfig,
    id=st.sampled_from("pqr").map(PbxId),
    office=st.just(OFFICE),
    kind=st.sampled_from(["asterisk", "freeswitch"]),
    options=st.dictionaries(st.sampled_from(["host", "secret"]), st.sampled_from("xy")),
    key=st.just("pbx"),
)


@st.composite
def setups(draw: st.DrawFn) -> Setup:
    """Accounts only on PBXs that there are."""
    pbxs = draw(st.lists(pbx_configs, unique_by=lambda pbx: pbx.id, min_size=1, max_size=3))
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
        office=st.just(OFFICE),
        pbxs=st.lists(st.sampled_from([pbx.id for pbx in pbxs]), min_size=1, unique=True).map(tuple),
    )
    chosen = draw(st.lists(accounts, unique_by=lambda account: account.id, max_size=4))
    return Setup(pbxs=tuple(pbxs), accounts=tuple(chosen))


def in_order(setup: Setup) -> Setup:
    return Setup(
        pbxs=tuple(sorted(setup.pbxs, key=lambda pbx: pbx.id)),
        accounts=tuple(sorted(setup.accounts, key=lambda account: account.id)),
    )


def done(running: Setup, steps: tuple[Step, ...]) -> Setup:
    """What a supervisor comes to that does exactly what the steps say, and never with an account on no PBX."""
    pbxs = {pbx.id: pbx for pbx in running.pbxs}
    now = {account.id: account for account in running.accounts}
    for step in steps:
        match step:
            case StartPbx(pbx=pbx):
                assert pbx.id not in pbxs
                pbxs[pbx.id] = pbx
            case ReplacePbx(pbx=pbx):
                assert pbxs[pbx.id].kind == pbx.kind
                pbxs[pbx.id] = pbx
            case StopPbx(pbx=pbx_id):
                assert not any(pbx_id in account.pbxs for account in now.values())
                del pbxs[pbx_id]
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
                    pbxs=(new if Part.PBXS in parts else old).pbxs,
                )
        assert all(pbx in pbxs for account in now.values() for pbx in account.pbxs)
    return in_order(Setup(pbxs=tuple(pbxs.values()), accounts=tuple(now.values())))


@given(setups(), setups())
def test_the_steps_lead_to_what_is_wanted_and_then_nothing_is_left(wanted: Setup, running: Setup) -> None:
    reached = done(running, reconcile(wanted, running))
    assert reached == in_order(wanted)
    assert reconcile(wanted, reached) == ()


@given(setups(), setups())
def test_what_stays_as_it_is_is_in_no_step(wanted: Setup, running: Setup) -> None:
    accounts, pbxs = set[str](), set[str]()
    for step in reconcile(wanted, running):
        match step:
            case StartPbx(pbx=pbx) | ReplacePbx(pbx=pbx):
                pbxs.add(pbx.id)
            case StopPbx(pbx=pbx_id):
                pbxs.add(pbx_id)
            case Stop(account=key):
                accounts.add(key)
            case Start(account=account) | Replace(account=account):
                accounts.add(account.id)
    assert not pbxs & {pbx.id for pbx in wanted.pbxs if pbx in running.pbxs}
    untouched = {
        account.id for account in wanted.accounts if account in running.accounts and not pbxs & {*account.pbxs}
    }
    assert not accounts & untouched


@pytest.mark.parametrize(
    ("changed", "parts"),
    [
        (replace(ACME, crm_options={"client_id": "1", "client_secret": "new"}), {Part.CRM}),
        (decided(lines={"74950000001": LineSettings(reserve="200")}), {Part.SETTINGS}),
        (decided(employees=()), {Part.SETTINGS}),
        (decided(language="uk"), {Part.SETTINGS}),
        # The connector reads the CRM's numbers by the office's rules.
        (decided(dial=DialRules(area_code="495")), {Part.SETTINGS, Part.CRM}),
    ],
)
def test_only_what_is_different_is_connected_again(changed: AccountConfig, parts: set[Part]) -> None:
    wanted = replace(RUNNING, accounts=(changed,))
    assert reconcile(wanted, RUNNING) == (Replace(changed, frozenset(parts)),)


def test_a_new_secret_connects_the_pbx_again_and_nothing_else() -> None:
    changed = replace(PBXS[PBX], options={"host": "10.0.0.1", "secret": "new"})
    assert reconcile(replace(RUNNING, pbxs=(changed,)), RUNNING) == (ReplacePbx(changed),)


def test_an_account_moves_to_another_pbx_between_its_start_and_the_end_of_the_old_one() -> None:
    moved = replace(ACME, pbxs=(BRANCH,))
    steps = reconcile(Setup(pbxs=(PBXS[BRANCH],), accounts=(moved,)), RUNNING)
    assert steps == (StartPbx(PBXS[BRANCH]), Replace(moved, frozenset({Part.PBXS})), StopPbx(PBX))


def test_another_kind_of_crm_is_a_new_start() -> None:
    changed = replace(ACME, crm="bitrix24")
    assert reconcile(replace(RUNNING, accounts=(changed,)), RUNNING) == (Stop(ACME.id), Start(changed))


def test_another_kind_of_pbx_under_the_same_id_starts_its_accounts_again() -> None:
    changed = replace(PBXS[PBX], kind="freeswitch")
    steps = reconcile(replace(RUNNING, pbxs=(changed,)), RUNNING)
    assert steps == (Stop(ACME.id), StopPbx(PBX), StartPbx(changed), Start(ACME))


def test_addresses_are_given_back_before_others_take_them() -> None:
    other = replace(decided(account=AccountId("aaaa")))
    assert reconcile(replace(RUNNING, accounts=(other,)), RUNNING) == (Stop(ACME.id), Start(other))
