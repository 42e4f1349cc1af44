"""The store of recorded sounds, on both databases."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from integration.ports.campaign_sounds import MOST_SOUNDS, RecordedSound, RecordedSounds, SoundKept
from integration.storage import Storage
from integration.testing import FakeClock
from tests.contract.calls import OFFICE, OTHER
from tests.contract.test_campaigns import AUTUMN, SPRING, a_campaign

WAV = bytes(range(256)) * 4


def implements(storage: Storage) -> RecordedSounds:
    """Read by the type checker."""
    return storage.campaign_sounds


def a_sound(clock: FakeClock, number: int = 1) -> RecordedSound:
    return RecordedSound(id=f"{number:024x}", name="Ж\0.mp3", seconds=1.5, added_at=clock.now(), added_by="Ольга")


async def test_a_sound_comes_back_as_it_was_and_is_stored_once(storage: Storage, clock: FakeClock) -> None:
    await a_campaign(storage)
    sounds, one = storage.campaign_sounds, a_sound(clock)
    for name in ("first.wav", "second.wav"):
        assert await sounds.put(OFFICE, SPRING, replace(one, name=name), WAV) is SoundKept.DONE
    assert await sounds.all(OFFICE, SPRING) == [replace(one, name="first.wav")]
    assert await sounds.wav(OFFICE, SPRING, one.id) == WAV
    assert await sounds.wav(OTHER, SPRING, one.id) is None
    assert await sounds.wav(OFFICE, AUTUMN, one.id) is None
    assert await sounds.remove(OFFICE, SPRING, one.id)
    assert not await sounds.remove(OFFICE, SPRING, one.id)
    assert await sounds.all(OFFICE, SPRING) == []


async def test_a_copied_campaign_has_the_sounds_of_its_own(storage: Storage, clock: FakeClock) -> None:
    await a_campaign(storage)
    await a_campaign(storage, AUTUMN)
    sounds, one = storage.campaign_sounds, a_sound(clock)
    await sounds.put(OFFICE, SPRING, one, WAV)
    for _ in range(2):
        await sounds.copy(OFFICE, SPRING, AUTUMN)
    await sounds.remove(OFFICE, SPRING, one.id)
    assert await sounds.wav(OFFICE, AUTUMN, one.id) == WAV


async def test_a_campaign_keeps_so_many_and_one_that_is_gone_none(storage: Storage, clock: FakeClock) -> None:
    sounds = storage.campaign_sounds
    assert await sounds.put(OFFICE, SPRING, a_sound(clock), WAV) is SoundKept.GONE
    await a_campaign(storage)
    put = [sounds.put(OFFICE, SPRING, a_sound(clock, number), WAV) for number in range(MOST_SOUNDS + 3)]
    said = await asyncio.gather(*put)
    assert said.count(SoundKept.TOO_MANY) == 3
    assert len(await sounds.all(OFFICE, SPRING)) == MOST_SOUNDS


@pytest.mark.parametrize("size", [0, 4_000_000])
async def test_four_minutes_are_stored_whole(storage: Storage, clock: FakeClock, size: int) -> None:
    await a_campaign(storage)
    await storage.campaign_sounds.put(OFFICE, SPRING, a_sound(clock), b"\xff" * size)
    assert await storage.campaign_sounds.wav(OFFICE, SPRING, a_sound(clock).id) == b"\xff" * size
