"""Accounts that share PBXs, as the configuration file has them: what is taken, and what is said of what is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from integration.documents.office import read_office
from integration.documents.offices import OfficesDocument, read_offices
from integration.documents.pbx import read_pbx
from integration.documents.problems import InvalidDocument
from integration.domain.ids import PbxId

SALES = {"id": "sales", "office": "acme", "amocrm": {}, "asterisk": {}}
SERVICE = {"id": "service", "office": "acme", "amocrm": {}, "pbxs": ["sales-pbx"]}
BRANCH = {"id": "branch", "office": "acme", "asterisk": {}}


def _read(accounts: list[dict[str, Any]], *pbxs: dict[str, Any]) -> OfficesDocument:
    return read_offices(accounts, list(pbxs), crm="amocrm", pbx="asterisk")


def test_an_accounts_own_pbx_comes_first_also_where_it_is_named_among_the_others() -> None:
    offices = _read([{**SALES, "pbxs": ["branch", "sales-pbx"]}, SERVICE], BRANCH)
    assert [each.all_pbxs for each in offices.accounts] == [("sales-pbx", "branch"), ("sales-pbx",)]
    assert [each.has_own_pbx for each in offices.accounts] == [True, False]


def test_a_pbx_that_no_account_uses_is_taken() -> None:
    assert [each.id for each in _read([SALES], BRANCH).pbxs] == ["branch"]


def test_the_same_extension_is_another_person_on_each_pbx() -> None:
    people = {"101": "1", "branch/101": "2"}
    [sales] = _read([{**SALES, "pbxs": ["branch"], "employee": people}], BRANCH).accounts
    found = {each.key: (each.extension, each.pbx, each.manager) for each in sales.settings().employees}
    assert found == {"101": ("101", None, "1"), "branch/101": ("101", PbxId("branch"), "2")}


def test_what_is_written_is_read_again() -> None:
    for raw in (SALES, SERVICE, {**SALES, "pbxs": ["branch"], "employee": {"branch/101": "1"}}):
        document = read_office(raw, crm="amocrm", pbx="asterisk")
        assert read_office(document.plain(), crm="amocrm", pbx="asterisk") == document
    pbx = read_pbx(BRANCH, kind="asterisk")
    assert read_pbx(pbx.plain(), kind="asterisk") == pbx


@pytest.mark.parametrize(
    ("accounts", "pbxs", "said"),
    [
        ([SERVICE], [], 'account.service.pbxs: there is no PBX "sales-pbx": describe it in a block [[pbx]]'),
        (
            [SALES, {**SERVICE, "office": "other"}],
            [],
            'account.service.pbxs: the PBX "sales-pbx" belongs to the office "acme", this account to "other"',
        ),
        ([{**SALES, "pbxs": ["branch", "branch"]}], [BRANCH], 'account.sales.pbxs: "branch" is used twice'),
        ([SALES], [{**BRANCH, "id": "sales-pbx"}], 'pbx.id: "sales-pbx" is used twice'),
        ([SALES], [{"id": "branch", "asterisk": {}}], "pbx.branch.office: this setting is needed"),
        ([SALES], [BRANCH, BRANCH], 'pbx.id: "branch" is used twice'),
        (
            [{**SALES, "employee": {"branch/101": "1"}}],
            [],
            'account.sales.employee.branch/101: the PBX "branch" is not named in pbxs of this account. Its PBXs:'
            " sales-pbx",
        ),
        (
            [{**SALES, "employee": {"101": "1", "sales-pbx/101": "2"}}],
            [],
            'account.sales.employee.sales-pbx/101: "101" is used twice',
        ),
        ([{**SALES, "employee": {"/101": "1"}}], [], "account.sales.employee./101: write an extension"),
        ([{**SALES, "pbxs": "branch"}], [BRANCH], "account.sales.pbxs: write a list"),
    ],
)
def test_what_is_wrong_is_named(accounts: list[dict[str, Any]], pbxs: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(InvalidDocument) as caught:
        _read(accounts, *pbxs)
    assert said in str(caught.value)
