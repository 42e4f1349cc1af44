"""Calls of a real Asterisk that Dozvon did not watch: found in Asterisk's own records, and logged once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from integration.clock import SystemClock
from integration.domain.calls.call import Call, Direction, Disposition
from integration.domain.campaigns.model import Outcome as CampaignOutcome
from integration.domain.campaigns.outcomes import outcome_of
from integration.domain.campaigns.reception import Reception
from integration.domain.ids import AccountId, Timestamp
from integration.domain.settings import AccountSettings
from integration.ports.stores import OutboxState
from integration.process.recoveries import recoveries
from integration.services.accounts import Account, Accounts
from integration.services.following import follow_pbx
from integration.services.recovery import Outcome, Recovery
from integration.services.tracking import CallTracking
from integration.storage import Storage, open_storage
from integration.testing import FakeCrm
from pbx_adapter.asterisk import AsteriskPbx
from tests.databases import sqlite_url
from tests.e2e.test_asterisk_adapter import QUICK_BACK, lab_settings, on_lab
from tests.e2e.test_campaign_reception import CLIENT as CAMPAIGN_CLIENT
from tests.e2e.test_campaign_reception import attempt
from tests.lab.fixtures import OpenOffice
from tests.lab.office import Office, did
from tests.lab.waiting import until, until_told

pytestmark = pytest.mark.lab
CLIENT, STRANGER = "79161234567", "79990001122"
ACME = AccountId("acme")


@dataclass(frozen=True)
class OnOnePbx:
    """`integration.process.recoveries.Followed`."""

    pbx: AsteriskPbx
    tracking: CallTracking


class Following:
    """What one process has of one account while it runs; `integration.process.recoveries.Member`."""

    def __init__(self, account: Account, pbx: AsteriskPbx, tracking: CallTracking) -> None:
        self.account = account
        self.on = {pbx.id: OnOnePbx(pbx, tracking)}


@contextlib.asynccontextmanager
async def watching(office: Office, storage: Storage, records: dict[str, str]) -> AsyncIterator[Recovery]:
    """A process that follows the PBX and compares its records; it is killed at the end without a goodbye."""
    clock, wake = SystemClock(), asyncio.Event()
    async with aiohttp.ClientSession() as session:
        pbx = AsteriskPbx(lab_settings(office, records=records), session=session, timing=QUICK_BACK)
        account = await Accounts(storage.settings).add(AccountSettings(account=ACME), FakeCrm(), [pbx])
        tracking = CallTracking(account, pbx.id, storage.calls, clock, [], wake)
        ((_, recovery),) = recoveries([Following(account, pbx, tracking)], storage, clock, wake)
        tasks = [asyncio.create_task(follow_pbx(pbx, [tracking])), asyncio.create_task(recovery.run())]
        try:
            await until(lambda: pbx.is_connected)
            await until_told(lambda: is_watched(storage, pbx))
            yield recovery
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def is_watched(storage: Storage, pbx: AsteriskPbx) -> bool:
    watch = await storage.watches.load(ACME, pbx.id)
    return watch is not None and watch.watched_until > SystemClock().now() - 5


async def three_calls(office: Office) -> None:
    """101 answers a client; another client gives up; 102 calls a client out."""
    office.phone("101").answers(after_seconds=0.2)
    client = await office.inbound(CLIENT, did(1))
    await client.answered()
    await asyncio.sleep(1.0)  # the talk itself
    await client.hang_up()
    impatient = await office.inbound(STRANGER, did(6))
    await office.phone("102").incoming()
    await impatient.hang_up()
    office.carrier.answers()
    call = await office.phone("102").call("8" + CLIENT[1:])
    await call.answered()
    await asyncio.sleep(0.5)
    await call.hang_up()


async def journal(storage: Storage) -> list[Call]:
    """The stored calls in order of their first channels; Master.csv has only whole seconds."""
    return sorted(await storage.calls.recent(ACME), key=lambda call: tuple(map(int, call.native_id.split("."))))


async def logged(storage: Storage) -> int:
    items = await storage.outbox.listing(ACME, list(OutboxState))
    return [item.key for item in items].count("log_call")


@pytest.mark.parametrize("major", [22, 16])
@pytest.mark.parametrize("kind", ["cel and cdr", "master"])
async def test_calls_of_an_outage_are_in_the_journal_once(
    open_office: OpenOffice, major: int, kind: str, tmp_path: Path
) -> None:
    office = await open_office(major)
    logs = office.asterisk.logs
    records = {"kind": "csv", "cdr": str(logs / "cdr-csv" / "Master.csv")}
    if kind != "master":
        records |= {"cdr": str(logs / "cdr-custom" / "dozvon.csv"), "cel": str(logs / "cel-custom" / "dozvon.csv")}
    storage = await open_storage(sqlite_url(tmp_path), tmp_path)
    try:
        async with watching(office, storage, records):
            pass
        await three_calls(office)
        async with watching(office, storage, records) as recovery:
            await until_told(lambda: _has(storage, 3))
            now = SystemClock().now()
            again = [each async for each in recovery.compare(Timestamp(now - 600), now)]
            assert [each.outcome for each in again] == [Outcome.KNOWN] * 3
        talked, missed, outgoing = await journal(storage)
        assert all(call.recovered and not call.seen_from_start for call in (talked, missed, outgoing))
        assert (talked.direction, talked.caller, talked.answered_by) == (Direction.INBOUND, CLIENT, "101")
        assert (missed.caller, missed.disposition) == (STRANGER, Disposition.MISSED)
        assert (outgoing.direction, outgoing.caller, outgoing.called) == (Direction.OUTBOUND, "102", CLIENT)
        assert outgoing.disposition is Disposition.ANSWERED
        for call in (talked, outgoing):
            assert (office.asterisk.monitor / call.recordings[0]).is_file()
        assert missed.recordings == ()
        assert await logged(storage) == 3
    finally:
        await storage.close()


@pytest.mark.parametrize("major", [22, 16])
async def test_what_a_campaign_s_client_met_in_an_outage_is_found(
    open_office: OpenOffice, major: int, tmp_path: Path
) -> None:
    """Answered, told that nobody is free, released by the PBX alone: they count as abandoned, and are called back."""
    office = await open_office(major)
    logs = office.asterisk.logs
    records = {
        "kind": "csv", "cdr": str(logs / "cdr-custom" / "dozvon.csv"), "cel": str(logs / "cel-custom" / "dozvon.csv")
    }  # fmt: skip
    office.carrier.answers(after_seconds=1.0)
    storage = await open_storage(sqlite_url(tmp_path), tmp_path)
    try:
        async with watching(office, storage, records):
            pass
        async with on_lab(office, originate_context="as-is") as (pbx, _):
            id_ = await pbx.dial(attempt(Reception(wait_seconds=1)))
            client = await office.carrier.incoming()
        await client.over()
        async with watching(office, storage, records):
            await until_told(lambda: _has(storage, 1))
        (call,) = await storage.calls.recent(ACME)
        assert (call.id, call.called, call.recovered) == (id_, CAMPAIGN_CLIENT, True)
        assert call.received is not None
        assert call.received.turned_away_at is not None
        assert outcome_of(call).outcome is CampaignOutcome.ABANDONED
        queued = [item.key for item in await storage.outbox.listing(ACME, list(OutboxState))]
        assert "create_task" in queued
    finally:
        await storage.close()


async def _has(storage: Storage, count: int) -> bool:
    return len(await storage.calls.recent(ACME)) >= count
