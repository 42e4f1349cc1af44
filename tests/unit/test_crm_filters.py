"""Which objects of a CRM a filter means, and how each CRM is asked for them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.amocrm import filtered as amocrm
from connectors.bitrix24 import filtered as bitrix24
from integration.domain.crm.entities import EntityKind
from integration.domain.crm.filters import CrmFilter, Facts, StageRef, fits
from integration.domain.ids import ManagerId

DEALS = CrmFilter(kind=EntityKind.DEAL)
TALKS = Facts(responsible=ManagerId("7"), created_at=1_000, pipeline="1", stage="11")


@pytest.mark.parametrize(
    ("wanted", "is_there"),
    [
        (DEALS, True),
        (replace(DEALS, stages=(StageRef("1"),)), True),
        (replace(DEALS, stages=(StageRef("2"), StageRef("1", "11"))), True),
        (replace(DEALS, stages=(StageRef("1", "12"), StageRef("2", "11"))), False),
        (replace(DEALS, responsibles=(ManagerId("8"), ManagerId("7"))), True),
        (replace(DEALS, responsibles=(ManagerId("8"),)), False),
        (replace(DEALS, created_from=1_000), True),
        (replace(DEALS, created_from=1_001), False),
        (replace(DEALS, created_until=1_000), False),
        (replace(DEALS, created_until=1_001), True),
    ],
)
def test_every_condition_has_to_hold(wanted: CrmFilter, is_there: bool) -> None:
    assert fits(wanted, TALKS) is is_there


def test_open_deals_are_neither_won_nor_lost_and_persons_have_no_stages() -> None:
    assert not fits(replace(DEALS, only_open=True), replace(TALKS, is_open=False))
    assert fits(replace(DEALS, only_open=True), TALKS)
    contacts = CrmFilter(kind=EntityKind.CONTACT, stages=(StageRef("1"),), only_open=True)
    assert fits(contacts, Facts(responsible=None, created_at=5))


@given(
    st.lists(st.sampled_from(["1", "2", "3"]), max_size=3),
    st.sampled_from(["1", "2", "3"]),
    st.integers(0, 50),
    st.one_of(st.none(), st.integers(0, 50)),
    st.one_of(st.none(), st.integers(0, 50)),
)
def test_more_conditions_never_mean_more_objects(
    responsibles: list[str], responsible: str, at: int, first: int | None, until: int | None
) -> None:
    facts = replace(TALKS, responsible=ManagerId(responsible), created_at=at)
    narrow = replace(DEALS, responsibles=tuple(map(ManagerId, responsibles)), created_from=first, created_until=until)
    for wide in (replace(narrow, responsibles=()), replace(narrow, created_from=None), DEALS):
        assert fits(wide, facts) or not fits(narrow, facts)


def test_amocrm_is_asked_with_its_brackets() -> None:
    wanted = replace(
        DEALS, stages=(StageRef("1", "11"), StageRef("2", "21")), responsibles=(ManagerId("7"),), created_from=5,
        created_until=9,
    )  # fmt: skip
    assert amocrm.query_of(wanted) == [
        ("filter[responsible_user_id][]", "7"),
        ("filter[created_at][from]", "5"),
        ("filter[created_at][to]", "8"),
        ("filter[statuses][0][pipeline_id]", "1"),
        ("filter[statuses][0][status_id]", "11"),
        ("filter[statuses][1][pipeline_id]", "2"),
        ("filter[statuses][1][status_id]", "21"),
    ]
    whole = replace(DEALS, stages=(StageRef("1"), StageRef("2", "21")))
    assert amocrm.query_of(whole) == [("filter[pipeline_id][]", "1"), ("filter[pipeline_id][]", "2")]


def test_bitrix24_is_asked_with_its_prefixes() -> None:
    wanted = replace(
        DEALS, stages=(StageRef("0", "NEW"), StageRef("5", "C5:NEW")), responsibles=(ManagerId("7"),), only_open=True
    )
    assert bitrix24.conditions_of(wanted) == {"@assignedById": [7], "@stageId": ["NEW", "C5:NEW"], "closed": "N"}
    whole = replace(DEALS, stages=(StageRef("0"), StageRef("5", "C5:NEW")))
    assert bitrix24.conditions_of(whole) == {"@categoryId": [0, 5]}
