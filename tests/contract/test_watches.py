"""Until when a PBX was watched, on both databases."""

from __future__ import annotations

from integration.domain.ids import AccountId, PbxId, Timestamp
from integration.ports.records import Watch
from integration.storage import Storage

ACME, OTHER = AccountId("acme"), AccountId("other")
PBX, SECOND = PbxId("acme-pbx"), PbxId("acme-second")


async def test_a_watch_is_kept_for_each_pbx_of_each_account(storage: Storage) -> None:
    assert await storage.watches.load(ACME, PBX) is None
    first = Watch(watched_until=Timestamp(100.5), unchecked_since=Timestamp(50.25))
    await storage.watches.save(ACME, PBX, first)
    assert await storage.watches.load(ACME, PBX) == first
    assert await storage.watches.load(ACME, SECOND) is None
    assert await storage.watches.load(OTHER, PBX) is None


async def test_the_newest_watch_replaces_the_one_before(storage: Storage) -> None:
    await storage.watches.save(ACME, PBX, Watch(watched_until=Timestamp(1.0), unchecked_since=Timestamp(0.5)))
    last = Watch(watched_until=Timestamp(2.0), compared_at=Timestamp(1.5))
    await storage.watches.save(ACME, PBX, last)
    assert await storage.watches.load(ACME, PBX) == last
