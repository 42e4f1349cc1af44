"""amoCRM's webhooks: one fixture a kind, and what a stranger may send."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.amocrm import webhooks
from connectors.amocrm.settings import AmocrmSettings
from integration.domain.crm.entities import (
    CrmChange,
    Deal,
    DealChanged,
    EntityDeleted,
    EntityKind,
    EntityRef,
    InboxClosed,
    Person,
    PersonChanged,
)
from integration.domain.ids import AccountId, ManagerId
from integration.errors import Rejected

FIXTURES = Path(__file__).parents[1] / "fixtures" / "amocrm" / "webhooks"
SETTINGS = AmocrmSettings(client_id="id", client_secret="s" * 32, redirect_uri="https://pbx.example.test/amo/oauth")
OFFICE = AccountId("office")

CONTACT, COMPANY = EntityRef(EntityKind.CONTACT, "9001"), EntityRef(EntityKind.COMPANY, "12")
DEAL, NEW_DEAL = EntityRef(EntityKind.DEAL, "7001"), EntityRef(EntityKind.DEAL, "7003")
UNSORTED = EntityRef(EntityKind.LEAD, "6f0d3c1e5b7a4c559d2e0a4b8f1c7e21")


def person(ref: EntityRef = CONTACT, company: EntityRef | None = COMPANY, deals: tuple[str, ...] = ()) -> PersonChanged:
    return PersonChanged(
        person=Person(
            ref=ref,
            name="Иван Петров",
            responsible=ManagerId("610077"),
            phones=("+7 (916) 123-45-67", "8 495 555-01-42"),
            emails=("ivan@client.test",),
            company=company,
            deals=tuple(EntityRef(EntityKind.DEAL, each) for each in deals),
            created_at=1760000000,
            updated_at=1760000100,
        )
    )


def deal(stage: str = "55012", *, is_open: bool = True) -> DealChanged:
    return DealChanged(
        deal=Deal(
            ref=DEAL,
            name="Кухонный гарнитур",
            responsible=ManagerId("610077"),
            pipeline="5501",
            stage=stage,
            price=245000,
            is_open=is_open,
            updated_at=1760000200,
        ),
        has_persons=False,
    )


KINDS: list[tuple[str, list[CrmChange]]] = [
    ("contact_added", [person(deals=("7001", "7002"))]),  # linked deals are numbered by their ids
    ("contact_updated_with_new_responsible", [person()]),
    ("company_added_under_contacts", [person(COMPANY, company=None)]),  # only `type` tells
    ("contact_deleted", [EntityDeleted(ref=CONTACT)]),
    ("company_deleted", [EntityDeleted(ref=COMPANY)]),
    ("deal_added", [deal()]),
    ("deal_updated", [deal()]),
    ("deal_responsible_changed", [deal()]),
    ("deal_won", [deal("142", is_open=False)]),
    ("deal_deleted", [EntityDeleted(ref=DEAL)]),
    ("unsorted_accepted", [InboxClosed(ref=UNSORTED, is_accepted=True, deals=(NEW_DEAL,))]),
    ("unsorted_accepted_with_ids_as_objects", [InboxClosed(ref=UNSORTED, is_accepted=True, deals=(NEW_DEAL,))]),
    ("unsorted_declined", [InboxClosed(ref=UNSORTED, is_accepted=False)]),
    ("unsorted_added", []),  # our own work, known already
    ("note_added", []),
    ("task_added", []),
    ("unknown_topic", []),
    ("unknown_action", []),
    ("several_at_once", [person(), person(COMPANY, company=None), deal()]),
]


@pytest.mark.parametrize(("kind", "expected"), KINDS, ids=[kind for kind, _ in KINDS])
def test_each_kind_of_webhook_becomes_neutral_changes(kind: str, expected: list[CrmChange]) -> None:
    tree = webhooks.parse_form((FIXTURES / f"{kind}.txt").read_bytes().strip())
    assert webhooks.account_of(tree) == "31000000"
    assert webhooks.changes(tree) == expected


def test_every_fixture_is_expected() -> None:
    assert {file.stem for file in FIXTURES.glob("*.txt")} == {kind for kind, _ in KINDS}


def test_numbered_keys_stay_keys() -> None:
    """amoCRM uses ids as numbers; as a list `[15]` would be lost."""
    assert webhooks.parse_form(b"a[15][ID]=15&b[]=x&b[]=y") == {"a": {"15": {"ID": "15"}}, "b": {"0": "x", "1": "y"}}


@pytest.mark.parametrize(
    "body",
    [b"", b"\x00\xff\xfe", b"{}", b"[][][]=1", b"a[=1", b"a]b[=1", b"=1", b"a=1&a[b]=2&a[c][d]=3", b"contacts[add]=7"],
)
def test_garbage_gives_nothing(body: bytes) -> None:
    assert webhooks.changes(webhooks.parse_form(body)) == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"a=" + b"x" * webhooks.BODY_BYTES, "size"),
        (b"&".join(b"a%d=1" % n for n in range(5001)), "pairs"),
        (b"a" + b"[b]" * 500 + b"=1", "depth"),
    ],
)
def test_bombs_are_refused(body: bytes, code: str) -> None:
    with pytest.raises(Rejected) as refused:
        webhooks.parse_form(body)
    assert refused.value.code == code


@pytest.mark.parametrize("bad_id", ["", "0x1", "-1", "٣", "1/../2", "9" * 30])
def test_an_unusable_id_is_left_out(bad_id: str) -> None:
    assert webhooks.changes({"contacts": {"add": {"0": {"id": bad_id}}}}) == []


def test_huge_times_do_no_harm() -> None:
    change = webhooks.changes({"leads": {"update": {"0": {"id": "1", "price": "9" * 5000, "updated_at": "9" * 5000}}}})
    assert isinstance(change[0], DealChanged)
    assert change[0].deal.updated_at == 0


trees = st.recursive(
    st.text(max_size=12),
    lambda inner: st.dictionaries(st.sampled_from(["0", "1", "id", "type", "custom_fields", "values", "code"]), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(["contacts", "leads", "unsorted", "account"]), trees))
def test_no_tree_breaks_the_reader(tree: dict[str, object]) -> None:
    webhooks.account_of(tree)
    webhooks.changes(tree)


@given(st.binary(max_size=400))
def test_no_body_breaks_the_parser(body: bytes) -> None:
    with suppress(Rejected):
        webhooks.changes(webhooks.parse_form(body))


def test_the_secret_belongs_to_one_account_and_one_integration() -> None:
    secret = webhooks.webhook_secret(SETTINGS, OFFICE)
    other = AmocrmSettings(client_id="id", client_secret="t" * 32, redirect_uri="https://pbx.example.test/amo/oauth")
    assert len(secret) == 40
    assert webhooks.is_secret(SETTINGS, OFFICE, secret)
    assert not webhooks.is_secret(SETTINGS, AccountId("branch"), secret)
    assert not webhooks.is_secret(other, OFFICE, secret)
    assert not webhooks.is_secret(SETTINGS, OFFICE, "\ud800")
