"""A predictive campaign on a real Asterisk, small; `scripts/predictive.py` plays 300 clients, and two processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.predictive.clients import EMPLOYEES, made_up
from tests.e2e.predictive.house import open_centre
from tests.e2e.predictive.run import Run
from tests.lab.fixtures import OpenOffice

pytestmark = [pytest.mark.lab, pytest.mark.servers, pytest.mark.timeout(400)]


async def test_whoever_answers_gets_somebody_or_is_told_and_a_kill_loses_and_doubles_nobody(
    open_office: OpenOffice, tmp_path: Path
) -> None:
    """Five employees; the carrier's clients pick up, are busy, do not answer, or are machines. The carrier's log, the
    phones, the journal, the ledger and the CRM's records agree call by call."""
    clients = made_up(30, seed=5)
    office = await open_office(22, extensions=EMPLOYEES)
    async with open_centre(office, tmp_path) as house:
        house.know(clients)
        await house.open()
        verdict = await Run(house, clients, kills=1, answered=400).play()
    print(verdict.document())
    assert verdict.complaints == []
    assert (verdict.carrier_calls, verdict.crm_calls, verdict.rung_first) == (30, 30, 30)
    assert verdict.wait(0.5) < 1.0
