"""Copies of the domain's dataclasses are those that `dataclasses.replace` makes."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from integration.domain.calls.call import Call, Direction, Leg, LegKind, Transfer, TransferKind, Via
from integration.domain.copying import changed
from integration.domain.ids import AccountId, CallId, LegId, PbxId, Timestamp

LEG = Leg(id=LegId("1"), target="101", kind=LegKind.EXTENSION, via=Via.QUEUE, queue="sales", offered_at=Timestamp(1.5))
TRANSFER = Transfer(kind=TransferKind.BLIND, from_="101", to="102", at=Timestamp(3.0))
CALL = Call(
    id=CallId("pbx:1.0"),
    account=AccountId("acme"),
    pbx=PbxId("pbx"),
    native_id="1.0",
    direction=Direction.INBOUND,
    caller="7916",
    called="7495",
    started_at=Timestamp(1.0),
    legs=(LEG,),
    transfers=(TRANSFER,),
    heard=("abc",),
)


@pytest.mark.parametrize("value", [CALL, LEG, TRANSFER], ids=lambda value: type(value).__name__)
def test_each_field_may_be_changed_and_the_others_are_kept(value: Any) -> None:
    before = replace(value)
    assert changed(value) == value
    for field in fields(value):
        assert changed(value, **{field.name: "new"}) == replace(value, **{field.name: "new"})
    assert value == before


def test_several_fields_at_once() -> None:
    news: dict[str, Any] = {"talk_since": Timestamp(2.0), "legs": (), "queue": "sales"}
    assert changed(CALL, **news) == replace(CALL, **news)


def test_a_name_that_is_no_field_is_an_error() -> None:
    with pytest.raises(KeyError):
        changed(LEG, vai=Via.DIRECT)


def test_what_is_copied_so_needs_no_more_than_its_fields() -> None:
    """`changed` does not call `__init__`, so a class with rules of its own in `__post_init__` is none for it."""
    for cls in (Call, Leg, Transfer):
        assert not hasattr(cls, "__post_init__")
        assert all(field.init for field in fields(cls))
