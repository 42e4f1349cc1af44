"""The document of a campaign's plan: read and written again it is the same, and each wrong field is named."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.documents.campaign import campaign_document, campaign_schemas, read_campaign
from integration.documents.problems import InvalidDocument
from integration.domain.campaigns.greeting import Greeting, OnMachine
from integration.domain.campaigns.model import Mode, Owners
from integration.domain.campaigns.plan import EDITED_OUTCOMES, CampaignPlan, Redial, faults
from integration.domain.campaigns.windows import UnknownZone

NAMES = st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=80).filter(str.strip)
KEYS = st.lists(st.text(st.characters(exclude_categories=["C"]), max_size=30), max_size=5).map(tuple)
PLANS = st.builds(
    CampaignPlan,
    name=NAMES,
    mode=st.sampled_from(Mode),
    lines=KEYS,
    employees=KEYS,
    groups=KEYS,
    owners=st.sampled_from(Owners),
    week=st.lists(st.sampled_from(["09:00-20:00", "09:00-13:00, 14:00-18:00"]), min_size=7, max_size=7).map(tuple),
    holidays=st.lists(st.dates().map(str), max_size=4).map(tuple),
    unknown_zone=st.sampled_from(UnknownZone),
    per_number=st.integers(1, 20),
    redial=st.lists(st.sampled_from(EDITED_OUTCOMES), unique=True).map(
        lambda outcomes: tuple(Redial(outcome=each, after_minutes=5, most=2) for each in outcomes)
    ),
    ceiling_percent=st.floats(0, 3),
    priority=st.integers(-100, 100),
    preview_seconds=st.integers(15, 1800),
    script=st.lists(NAMES, max_size=3).map("\n".join),
    greeting=st.builds(Greeting, message=NAMES, rounds=st.integers(1, 2), on_machine=st.sampled_from(OnMachine)),
).filter(lambda plan: not faults(plan))


@given(PLANS)
def test_a_plan_is_the_same_after_its_document(plan: CampaignPlan) -> None:
    document = json.loads(json.dumps(campaign_document(plan)))
    assert read_campaign(document) == plan
    assert set(document) == {each.name for each in fields(CampaignPlan)}


def test_what_is_left_out_is_as_in_a_new_campaign() -> None:
    assert read_campaign({"name": "Весна"}) == CampaignPlan(name="Весна")


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({}, "name"),
        ({"name": "  "}, "name"),
        ({"name": "Л" * 81}, "name"),
        ({"name": "x", "preview_seconds": 14}, "preview_seconds"),
        ({"name": "x", "preview_seconds": 1801}, "preview_seconds"),
        ({"name": "x", "script": "я" * 5_001}, "script"),
        ({"name": "x", "nmae": "y"}, "nmae"),
        ({"name": "x", "mode": "loud"}, "mode"),
        ({"name": "x", "per_number": "5"}, "per_number"),
        ({"name": "x", "per_number": True}, "per_number"),
        ({"name": "x", "per_number": 21}, "per_number"),
        ({"name": "x", "ceiling_percent": 50}, "ceiling_percent"),
        ({"name": "x", "week": ["09:00-20:00"]}, "week"),
        ({"name": "x", "week": ["25:00-26:00", *[""] * 6]}, "week[0]"),
        ({"name": "x", "week": [""] * 7}, "week[0]"),
        ({"name": "x", "holidays": ["31.12.2026"]}, "holidays"),
        ({"name": "x", "lines": "all"}, "lines"),
        ({"name": "x", "lines": ["a"] * 501}, "lines"),
        ({"name": "x", "groups": ["a" * 201]}, "groups[0]"),
        ({"name": "x", "redial": [{"outcome": "busy", "after_minutes": 0, "most": 1}]}, "redial[0]"),
        ({"name": "x", "mode": "voice"}, "greeting.message"),
        ({"name": "x", "greeting": {"rounds": 99}}, "greeting.rounds"),
        ({"name": "x", "greeting": {"massage": "x"}}, "greeting.massage"),
        ({"name": "x", "redial": [{"outcome": "busy", "after_minutes": 1, "most": 1, "x": 1}]}, "redial[0].x"),
        ({"name": "x", "redial": [{"outcome": "busy", "after_minutes": 1, "most": 1}] * 2}, "redial[1].outcome"),
    ],
)
def test_each_wrong_field_is_named(document: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidDocument) as refused:
        read_campaign(document)
    assert [each.key for each in refused.value.problems] == [field]
    for language in ("ru", "uk", "en"):
        assert all(refused.value.sentences(language).values())


@pytest.mark.parametrize("raw", [None, [], "x", 1])
def test_what_is_no_table_is_refused(raw: object) -> None:
    with pytest.raises(InvalidDocument):
        read_campaign(raw)


def test_the_schema_says_every_field() -> None:
    schemas = campaign_schemas("#/components/schemas/")
    assert set(schemas["CampaignPlan"]["properties"]) == {each.name for each in fields(CampaignPlan)}
    assert "Redial" in schemas
