"""A stranger talks with two offices at the same time; a different process follows each office.

The processes share only the database, Redis and the CRM, which must keep the second from entering the number again.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from connectors.amocrm.sandbox.api_unsorted import accept_entry
from pbx_adapter.asterisk.simulator.simulator import Simulator
from pbx_adapter.asterisk.simulator.switch import UP
from tests.e2e.crm_site import ANNA, CrmSite
from tests.e2e.dozvon_process import DozvonProcess
from tests.lab.waiting import until, until_told
from tests.scaled.town import BRANCH_LINE, LINE, PATIENCE_SECONDS, Town, go_on, pause

pytestmark = [pytest.mark.servers, pytest.mark.asyncio(loop_scope="package"), pytest.mark.timeout(300)]

_ATTEMPTS = 'dozvon_deliveries_total{kind="log_call"'
_SLOW_SECONDS = 2.0


@dataclass
class Offices:
    """The town's office, where Anna has the phone 101, and the branch, where Boris has 102."""

    town: Town
    branch: Simulator
    branch_process: DozvonProcess

    async def both_are_called(self, number: str) -> None:
        """The same person talks on two telephones."""
        self.town.office.inbound(number, LINE)
        self.branch.inbound(number, BRANCH_LINE)
        for office, extension in self._phones():
            await _rings(office, extension)
            office.answer(extension)
        await self._both_talk()

    async def both_call(self, number: str) -> None:
        for office, extension in self._phones():
            office.call_from(extension, number)
        await self._both_talk()

    def _phones(self) -> list[tuple[Simulator, str]]:
        return [(self.town.office, "101"), (self.branch, "102")]

    async def _both_talk(self) -> None:
        def is_so() -> bool:
            channels = [each.state for office, _ in self._phones() for each in office.switch.channels.values()]
            return channels == [UP] * 4

        await until(is_so, timeout_seconds=PATIENCE_SECONDS)

    def end_together(self) -> None:
        for office, extension in self._phones():
            office.hangup(extension)

    async def end_while_the_first_is_written(self, path: str) -> None:
        """
        The town's call ends, and its write to the CRM is running. Then the branch's call ends, and the branch's process
        decides about it during the write. No other process could, since all others are stopped.
        """
        crm, others = self.town.crm, self.town.processes
        before = await attempts(self.branch_process)
        crm.fail("slow", seconds=_SLOW_SECONDS, path=path)
        self.town.hang_up()
        await crm.met_a_fault()
        assert await attempts(self.branch_process) == before  # the write comes from a process of the town
        for process in others:
            pause(process)
        try:
            self.branch.hangup("102")

            async def decided() -> bool:
                return await attempts(self.branch_process) > before

            await until_told(decided, timeout_seconds=PATIENCE_SECONDS)
        finally:
            for process in others:
                go_on(process)


async def attempts(process: DozvonProcess) -> float:
    """How often it has tried to write a call, with any result."""
    async with process.session.get(f"{process.url}/metrics") as answer:
        lines = (await answer.text()).splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(_ATTEMPTS))


async def _rings(office: Simulator, extension: str) -> None:
    def is_so() -> bool:
        return any(each == {**each, "extension": extension, "state": "ringing"} for each in office.state()["phones"])

    await until(is_so, timeout_seconds=PATIENCE_SECONDS)


@pytest_asyncio.fixture(loop_scope="package")
async def offices(town: Town) -> AsyncIterator[Offices]:
    async with town.branch() as (branch, process):
        yield Offices(town, branch, process)


@pytest.mark.parametrize("is_overtaken", [False, True])
async def test_both_are_called_by_one_stranger(offices: Offices, is_overtaken: bool) -> None:
    """One entry in Unsorted, with the second call in its feed; accepting it gives one contact."""
    town, crm = offices.town, offices.town.crm
    number = f"7999555010{is_overtaken:d}"
    logged, notes = len(crm.counts()), len(crm.call_notes())
    await offices.both_are_called(number)
    if is_overtaken:
        await offices.end_while_the_first_is_written("/api/v4/leads/unsorted")
    else:
        offices.end_together()
    await town.in_the_crm(logged + 2)
    [entry] = [each for each in crm.unsorted() if number in str(each["metadata"])]
    assert len(crm.call_notes()) == notes + 1
    accept_entry(crm.account, entry, ANNA, None)
    [contact] = contacts_of(crm, number)
    assert (crm.account.leads.get(entry["lead_id"]) or {})["contacts"] == [contact["id"]]
    feed = [note for note in crm.call_notes() if note["entity_id"] == entry["lead_id"]]
    assert len({note["params"]["uniq"] for note in feed}) == len(feed) == 2


@pytest.mark.parametrize("is_overtaken", [False, True])
async def test_both_call_one_stranger(offices: Offices, is_overtaken: bool) -> None:
    """One contact is created, with both calls in its feed."""
    town, crm = offices.town, offices.town.crm
    number = f"7999555020{is_overtaken:d}"
    logged, entries = len(crm.counts()), len(crm.unsorted())
    await offices.both_call(number)
    if is_overtaken:
        await offices.end_while_the_first_is_written("/api/v4/contacts")
    else:
        offices.end_together()
    await town.in_the_crm(logged + 2)
    [contact] = contacts_of(crm, number)
    assert len([note for note in crm.call_notes() if note["entity_id"] == contact["id"]]) == 2
    assert len(crm.unsorted()) == entries


def contacts_of(crm: CrmSite, number: str) -> list[dict[str, Any]]:
    """Its contacts, also the hidden ones of waiting entries."""
    return [each for each in crm.account.contacts.own() if number in json.dumps(each)]
