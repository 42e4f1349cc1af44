"""A full garbage collection stops every call: what it has visited for long is not visited again."""

from __future__ import annotations

import gc

import pytest

from integration.process import process_memory


@pytest.mark.parametrize(("long", "is_excluded"), [(0.0, True), (60.0, False)])
def test_what_a_long_full_collection_leaves_is_excluded_from_the_next(
    monkeypatch: pytest.MonkeyPatch, long: float, is_excluded: bool
) -> None:
    monkeypatch.setattr(process_memory, "_LONG_SECONDS", long)
    with process_memory.settled():
        before = gc.get_freeze_count()
        offices = [[number] for number in range(10_000)]
        gc.collect(1)
        assert gc.get_freeze_count() == before
        gc.collect()
        assert (gc.get_freeze_count() >= before + len(offices)) is is_excluded


def test_no_collection_is_watched_when_the_process_has_ended() -> None:
    callbacks = list(gc.callbacks)
    with process_memory.settled():
        assert gc.callbacks != callbacks
    assert gc.callbacks == callbacks
