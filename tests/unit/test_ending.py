"""Tasks end, even if a cancellation was lost."""

from __future__ import annotations

import asyncio

import pytest

from integration.services import ending
from integration.services.ending import ended


async def forever() -> None:
    await asyncio.get_running_loop().create_future()


async def test_all_of_them_have_ended_and_nothing_is_raised() -> None:
    async def fails() -> None:
        raise ValueError("a defect")

    tasks = [asyncio.create_task(forever()), asyncio.create_task(fails())]
    await asyncio.sleep(0)
    await ended(tasks)
    assert all(task.done() for task in tasks)
    await ended([])


async def test_who_did_not_hear_a_cancellation_is_cancelled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "_AGAIN_SECONDS", 0.01)

    async def deaf() -> None:
        try:
            await forever()
        except asyncio.CancelledError:
            await forever()  # ignores the cancellation

    task = asyncio.create_task(deaf())
    await asyncio.sleep(0)
    async with asyncio.timeout(30):
        await ended([task])
    assert task.cancelled()


async def test_an_orderly_end_is_left_alone() -> None:
    is_written, may_write = False, asyncio.Event()

    async def orderly() -> None:
        nonlocal is_written
        try:
            await forever()
        finally:
            await may_write.wait()
            is_written = True

    task = asyncio.create_task(orderly())
    await asyncio.sleep(0)
    end = asyncio.create_task(ended([task]))
    await asyncio.sleep(0)
    may_write.set()
    await end
    assert is_written
