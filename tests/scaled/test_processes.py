"""Any of three processes may be killed, paused or cut off at any moment: every call is in the CRM exactly once."""

from __future__ import annotations

import asyncio
import signal
import time

import pytest
import redis.asyncio

from tests.e2e.crm_site import IVAN, MARIA
from tests.e2e.dozvon_process import DozvonProcess
from tests.lab.waiting import until
from tests.scaled.town import PATIENCE_SECONDS, Town, go_on, pause

pytestmark = [pytest.mark.servers, pytest.mark.asyncio(loop_scope="package"), pytest.mark.timeout(300)]
TAKEOVER_SECONDS = 10.0  # 5 on an idle machine


async def test_a_card_and_a_click_by_way_of_any_process(town: Town) -> None:
    """One process has the link to the PBX; people's pages are on others."""
    logged, popups = len(town.crm.counts()), list(town.crm.account.popups)
    first, second = await town.others()
    async with town.page(first) as page:
        shown = (await page.gets("snapshot"))["calls"]
        assert all(call["state"] == "ended" for call in shown)  # of another test, less than a minute ago
        await town.ring(IVAN)
        card = await page.gets_known("ringing")
        assert card["person"]["name"] == "Иван Петров"
        await town.answer()
        await page.gets("call_updated", state="talking")
        async with town.page(second) as late:
            (live,) = [call for call in (await late.gets("snapshot"))["calls"] if call["state"] != "ended"]
            assert (live["id"], live["state"]) == (card["id"], "talking")
            await late.hangs_up(card["id"])
        await page.gets("call_updated", state="ended")
        await town.in_the_crm(logged + 1)
        assert town.crm.account.popups == popups  # her page is open, though on another process

        assert await town.click(second, MARIA) == 202
        await town.answer()
        await page.gets("call_updated", state="talking")  # the client answers after three seconds
        town.hang_up()
        await page.gets("call_updated", state="ended")
    await town.in_the_crm(logged + 2)


async def test_more_processes_at_the_same_address_and_with_fewer_roles(town: Town) -> None:
    """Another process with exactly the same configuration, and one that only delivers and does not listen."""
    alike, worker = town.another("alike"), town.another("worker", roles='roles = ["worker"]')
    try:
        alike.launch()
        worker.launch()
        await alike.says("started", timeout_seconds=PATIENCE_SECONDS)
        assert (await worker.says("started", timeout_seconds=PATIENCE_SECONDS))["url"] == ""
        for process in town.processes[1:]:
            process.kill()
        takers = (town.processes[0], alike)
        await until(lambda: any(_took(each, "pbx office") for each in takers), timeout_seconds=PATIENCE_SECONDS)
        assert not _took(worker, "pbx office")
        assert await alike.stop() == 0
    finally:
        alike.kill()
        worker.kill()


def _took(process: DozvonProcess, lease: str) -> bool:
    return any(entry["lease"] == lease for entry in process.said("a lease was taken"))


async def test_the_process_that_is_linked_to_the_pbx_is_killed(town: Town) -> None:
    logged = len(town.crm.counts())
    await town.talk(IVAN)
    holder = await town.holder()
    (watching, _) = await town.others()
    async with town.page(watching) as page:
        calls = (await page.gets("snapshot"))["calls"]  # also shows what has just ended
        assert [call["state"] for call in calls].count("talking") == 1
        began = time.monotonic()
        holder.kill()
        await town.holder()
        seconds = time.monotonic() - began
        print(f"\ntaken over after {seconds:.1f} s")
        assert seconds < TAKEOVER_SECONDS
        town.hang_up()
        await page.gets("call_updated", state="ended")
    await town.in_the_crm(logged + 1)
    note = town.crm.call_notes()[-1]
    assert note["params"]["duration"] >= 2


async def test_a_paused_process_is_overtaken_and_writes_nothing_afterwards(town: Town) -> None:
    logged = len(town.crm.counts())
    await town.talk(IVAN)
    holder = await town.holder()
    pause(holder)
    try:
        await town.holder(other_than=holder)
        town.hang_up()
        await town.in_the_crm(logged + 1)
    finally:
        go_on(holder)
    await until(
        lambda: bool(holder.said("overtaken by another process") or holder.said("a lease was lost to another process")),
        timeout_seconds=PATIENCE_SECONDS,
    )
    await town.is_well()
    await town.talk(MARIA)
    town.hang_up()
    await town.in_the_crm(logged + 2)


async def test_redis_is_flushed_and_restarted(town: Town) -> None:
    logged = len(town.crm.counts())
    client = redis.asyncio.Redis.from_url(f"redis://127.0.0.1:{town.redis.port}/0")
    (other, _) = await town.others()
    await town.talk(IVAN)
    await client.flushall()
    await client.aclose()
    town.hang_up()
    await town.in_the_crm(logged + 1)
    await town.talk(MARIA)
    town.redis.stop(signal.SIGKILL)
    town.hang_up()
    await town.in_the_crm(logged + 2)  # with a small share of the rate
    town.redis.start()
    await town.is_well()
    async with town.page(other) as page:
        await page.gets("snapshot")
        await town.ring(IVAN)
        await page.gets("call_updated", state="ringing")
    await town.answer()
    town.hang_up()
    await town.in_the_crm(logged + 3)


async def test_postgresql_is_restarted_in_the_middle_of_calls(town: Town) -> None:
    """One call begins before the restart and ends during it; another one is wholly within it."""
    logged = len(town.crm.counts())
    await town.talk(IVAN)
    holder = await town.holder()
    town.postgres.stop(signal.SIGINT)
    town.hang_up()
    await until(lambda: town.office.is_free("101"), timeout_seconds=PATIENCE_SECONDS)
    await town.talk(MARIA)
    await until(lambda: bool(holder.said("calls cannot be saved, kept in memory")), timeout_seconds=PATIENCE_SECONDS)
    await asyncio.sleep(4.0)  # longer than a lease lasts
    town.hang_up()
    await asyncio.to_thread(town.postgres.start)
    await town.in_the_crm(logged + 2)
    assert all(process.is_alive for process in town.processes)
    await town.holder()  # the same one, unless the machine was too busy for its lease


async def test_postgresql_hangs_while_a_client_rings(town: Town) -> None:
    """The card comes without the client's name, follows the call, and gets the name when PostgreSQL goes on."""
    logged = len(town.crm.counts())
    holder = await town.holder()
    async with town.page(holder) as page:
        await page.gets("snapshot")
        town.postgres.freeze()
        try:
            await town.ring(IVAN)
            card = (await page.gets("call_updated", state="ringing"))["call"]
            assert (card["raw_number"], card["person"], card["is_looked_up"]) == ("+" + IVAN, None, False)
            await town.answer()
            assert (await page.gets("call_updated", state="talking"))["call"]["id"] == card["id"]
        finally:
            town.postgres.thaw()
        while not card["is_looked_up"]:
            card = (await page.gets("call_updated", state="talking"))["call"]
        assert card["person"]["name"] == "Иван Петров"
        town.hang_up()
        await page.gets("call_updated", state="ended")
    await town.in_the_crm(logged + 1)


async def test_a_process_that_starts_while_postgresql_is_away_waits_for_it(town: Town) -> None:
    (process, *_) = await town.others()
    process.kill()
    town.postgres.stop(signal.SIGINT)
    process.launch()
    await until(lambda: bool(process.said("the start failed and will be repeated")), timeout_seconds=PATIENCE_SECONDS)
    await asyncio.to_thread(town.postgres.start)
    await process.health(timeout_seconds=PATIENCE_SECONDS, pbx="connected", crm="connected")
    await town.is_well()


async def test_all_are_killed_while_a_call_is_delivered(town: Town) -> None:
    """The CRM has it, but its answer was lost: the next process looks before it writes."""
    logged = len(town.crm.counts())
    town.crm.fail("timeout_after_store", seconds=30.0)
    await town.talk(IVAN)
    town.hang_up()
    await until(lambda: len(town.crm.counts()) > logged, timeout_seconds=PATIENCE_SECONDS)
    for process in town.processes:
        process.kill()
    for process in town.processes:
        process.launch()
    await town.in_the_crm(logged + 1)


async def test_the_access_token_ends_while_every_process_uses_it(town: Town) -> None:
    """The first process to notice refreshes the pair, and all use it: a second refresh would break the first."""
    logged, refreshes = len(town.crm.counts()), town.refreshes
    town.crm.expire_access()
    async with town.page(town.processes[0]) as page:
        await town.talk("79990000001")
        call = (await page.gets("call_updated", state="talking"))["call"]["id"]
        pressed = [town.create_contact(process, call) for process in town.processes]
        assert sorted(await asyncio.gather(*pressed)) == [201, 409, 409]  # one creates it, the others get that answer
    town.hang_up()
    await town.in_the_crm(logged + 1)
    assert town.refreshes == refreshes + 1


async def test_the_process_is_killed_between_the_answer_to_a_refresh_and_its_storing(town: Town) -> None:
    """The CRM has rotated the tokens and the new pair is lost: Dozvon needs a new consent, but loses no call."""
    logged = len(town.crm.counts())
    town.crm.fail("timeout_after_store", path="/oauth2/", seconds=30.0)
    town.crm.expire_access()
    await town.talk(IVAN)
    town.hang_up()
    await town.crm.met_a_fault()
    for process in town.processes:
        process.kill()
    for process in town.processes:
        process.launch()
    await town.processes[0].health(timeout_seconds=PATIENCE_SECONDS, pbx="connected", crm="needs_consent")
    await town.talk(MARIA)
    town.hang_up()
    await until(lambda: town.office.is_free("101"), timeout_seconds=PATIENCE_SECONDS)
    assert len(town.crm.counts()) == logged
    await town.consent()
    await town.in_the_crm(logged + 2)


async def test_at_the_end_the_crm_was_never_asked_too_fast(town: Town) -> None:
    assert town.traffic.max_rate <= 7
    assert "429" not in town.traffic.by_status
