"""Whose a call is, where accounts share a PBX: every call has an owner, and only those that have to do with it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.domain.calls.call import Call, Direction, Leg, LegKind, Origin, Via
from integration.domain.calls.ownership import (
    SOLE,
    begun_by_crm,
    callback_id,
    crm_call_id,
    is_callback,
    live_call_id,
    ownership,
)
from integration.domain.ids import AccountId, Extension, LegId, ManagerId, Timestamp
from integration.domain.settings import AccountSettings, Employee, LineSettings
from tests.contract.calls import a_call

SALES, SERVICE = AccountId("sales"), AccountId("service")
SALES_LINE, SERVICE_LINE, OTHER_LINE = "74950000001", "74950000002", "74950000003"
CLIENT = "79161234567"


def an_account(key: AccountId, line: str, *extensions: str, takes_all: bool = True, **own: Any) -> AccountSettings:
    default = LineSettings(process=takes_all)
    people = tuple(Employee(extension=Extension(each), manager=ManagerId(f"{key} {each}")) for each in extensions)
    return AccountSettings(
        account=key, default_line=default, lines={line: LineSettings()}, employees=people, **own
    )  # fmt: skip


ACCOUNTS = {
    SALES: an_account(SALES, SALES_LINE, "101", "110"),
    SERVICE: an_account(SERVICE, SERVICE_LINE, "201", "110"),
}


def inbound(line: str = OTHER_LINE, *rang: str, **own: Any) -> Call:
    legs = tuple(
        Leg(id=LegId(each), target=each, kind=LegKind.EXTENSION, via=Via.DIRECT, offered_at=Timestamp(1))
        for each in rang
    )
    return replace(a_call(direction=Direction.INBOUND, caller=CLIENT, called=line), legs=legs, **own)


def outbound(caller: str, **own: Any) -> Call:
    return replace(a_call(direction=Direction.OUTBOUND, caller=caller, called=CLIENT), **own)


def click(account: str, caller: str = "110") -> Call:
    return outbound(caller, origin=Origin(kind="click", crm_call_id=crm_call_id(AccountId(account), "request-1")))


def owners(call: Call, accounts: dict[AccountId, AccountSettings] = ACCOUNTS) -> dict[str, str]:
    """The accounts that write the call, each with the reason."""
    found = {key: ownership(call, key, accounts) for key in accounts}
    return {key: own.reason.code for key, own in found.items() if own.writes and own.reason is not None}


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (inbound(SALES_LINE, "201"), {SALES: "owned_by_line"}),  # whoever's phone rings
        (inbound("8" + SERVICE_LINE[1:], "101"), {SERVICE: "owned_by_line"}),  # as a carrier may write it
        (inbound(OTHER_LINE, "101", "201"), {SERVICE: "owned_by_ringing"}),
        (inbound(OTHER_LINE, "101", "201", answered_by="101"), {SALES: "owned_by_talk"}),
        (inbound(OTHER_LINE, "101", answered_by="101", final_responsible="201"), {SERVICE: "owned_by_talk"}),
        (inbound(OTHER_LINE, "110"), {SALES: "owned_by_ringing", SERVICE: "owned_by_ringing"}),
        (inbound(OTHER_LINE, "150"), {SALES: "owned_by_first"}),
        (inbound(OTHER_LINE), {SALES: "owned_by_first"}),
        (outbound("201"), {SERVICE: "owned_by_caller"}),
        (outbound("110"), {SALES: "owned_by_caller", SERVICE: "owned_by_caller"}),
        (outbound("150"), {SALES: "owned_by_first"}),
        (click("service"), {SERVICE: "owned_by_click"}),
        (click("sales", "201"), {SALES: "owned_by_click"}),
        (click("gone"), {SALES: "owned_by_caller", SERVICE: "owned_by_caller"}),
        (outbound("201", origin=Origin(kind="click", crm_call_id="of another program")), {SERVICE: "owned_by_caller"}),
    ],
)  # fmt: skip
def test_the_owners_of_a_call(call: Call, expected: dict[str, str]) -> None:
    assert owners(call) == expected


def test_one_line_may_be_of_two_accounts() -> None:
    both = {**ACCOUNTS, SERVICE: an_account(SERVICE, SALES_LINE, "201")}
    assert owners(inbound(SALES_LINE), both) == {SALES: "owned_by_line", SERVICE: "owned_by_line"}


def test_an_account_that_takes_only_its_lines_gets_no_others() -> None:
    accounts = {SALES: an_account(SALES, SALES_LINE, "101", takes_all=False), SERVICE: ACCOUNTS[SERVICE]}
    assert owners(inbound(OTHER_LINE, "101", answered_by="101"), accounts) == {SERVICE: "owned_by_first"}
    assert not ownership(inbound(OTHER_LINE, "101"), SALES, accounts).shows
    assert owners(outbound("101"), accounts) == {SALES: "owned_by_caller"}


def test_a_line_that_an_account_does_not_process_is_not_taken_by_its_name() -> None:
    muted = replace(ACCOUNTS[SALES], lines={SALES_LINE: LineSettings(process=False)})
    assert owners(inbound(SALES_LINE, "101"), {**ACCOUNTS, SALES: muted}) == {SERVICE: "owned_by_first"}


def test_the_calls_of_a_switched_off_account_become_nobody_elses() -> None:
    off = {**ACCOUNTS, SALES: replace(ACCOUNTS[SALES], enabled=False)}
    assert owners(inbound(SALES_LINE, "201"), off) == {SALES: "owned_by_line"}


def test_people_of_both_accounts_see_a_call_that_rings_at_either() -> None:
    call = inbound(OTHER_LINE, "101", "201", answered_by="201")
    assert [ownership(call, key, ACCOUNTS).shows for key in ACCOUNTS] == [True, True]
    assert owners(call) == {SERVICE: "owned_by_talk"}


def test_alone_on_its_pbx_an_account_owns_everything() -> None:
    assert ownership(inbound(), SALES, {SALES: ACCOUNTS[SALES]}) is SOLE
    assert (SOLE.shows, SOLE.writes, SOLE.reason) == (True, True, None)


def test_the_reason_names_the_line() -> None:
    reason = ownership(inbound(SALES_LINE), SALES, ACCOUNTS).reason
    assert reason is not None
    assert reason.detail == {"line": SALES_LINE}


@pytest.mark.parametrize(
    ("origin", "begun", "asked_for"),
    [
        (None, None, False),
        (Origin(kind="click"), None, False),
        (Origin(kind="click", crm_call_id=""), None, False),
        (Origin(kind="click", crm_call_id=crm_call_id(SALES, "request-1")), None, False),
        (Origin(kind="click", crm_call_id=live_call_id(SALES, "externalCall.1")), "externalCall.1", False),
        (Origin(kind="click", crm_call_id=live_call_id(SALES, "")), None, False),
        (Origin(kind="click", crm_call_id=callback_id(SALES, "form.1")), None, True),
        (Origin(kind="click", crm_call_id="of another program"), None, False),
        (Origin(kind="click", crm_call_id="call_1"), None, False),  # no account
    ],
)
def test_what_the_crm_has_begun_comes_back_with_its_id(
    origin: Origin | None, begun: str | None, asked_for: bool
) -> None:
    call = outbound("101", origin=origin)
    assert (begun_by_crm(call), is_callback(call)) == (begun, asked_for)


calls = st.builds(
    inbound, st.sampled_from([SALES_LINE, SERVICE_LINE, OTHER_LINE, ""]), st.sampled_from(["101", "201", "110", "9"])
) | st.builds(outbound, st.sampled_from(["101", "201", "110", "9", ""]))


@given(calls, st.lists(st.booleans(), min_size=2, max_size=2))
def test_a_call_has_an_owner_wherever_any_account_takes_all_lines(call: Call, takes_all: list[bool]) -> None:
    accounts = {
        key: replace(settings, default_line=LineSettings(process=takes))
        for (key, settings), takes in zip(ACCOUNTS.items(), takes_all, strict=True)
    }
    found = {key: ownership(call, key, accounts) for key in accounts}
    assert all(own.shows for own in found.values() if own.writes)
    assert all((own.reason is not None) == own.writes for own in found.values())
    assert any(own.writes for own in found.values()) or not any(takes_all)
