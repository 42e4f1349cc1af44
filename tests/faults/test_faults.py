"""While everything around Dozvon fails, every call that it knew of is in the CRM once, with its recording and in order.

This is a short version; `make test-faults` runs thousands of calls and hundreds of faults.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.faults.ledger import MARGIN_SECONDS, Disruptions, Ledger
from tests.faults.run import run
from tests.faults.shape import Shape
from tests.faults.verdict import Verdict

PROCESSES = ("kill -9", "process frozen", "office changes")
CRM = (
    "CRM 429", "CRM 500", "CRM 401", "CRM slow", "CRM stores, no answer", "CRM stores, late answer", "CRM drops",
    "CRM away",
)  # fmt: skip
SERVERS = ("PostgreSQL restart", "PostgreSQL frozen", "Redis restart", "Redis flushed", "Redis frozen")


def hold(verdict: Verdict, *, calls: int, faults: int) -> None:
    """Nothing is lost, and the run had all its faults."""
    told = json.dumps(verdict.as_json(), indent=1)
    assert verdict.is_clean, told
    assert verdict.calls > calls * 0.7, told
    assert sum(verdict.faults.values()) == faults, told
    assert verdict.logged > verdict.calls * 0.7, told
    assert verdict.recorded > 0, told
    assert verdict.questions > verdict.fell_back >= 0, told
    assert verdict.logged + verdict.not_to_log == verdict.calls, told


def hold_campaigns(verdict: Verdict, *, clients: int, own_lists: bool = True) -> None:
    """Nobody of the list was dialled twice, nobody was lost, nobody else was dialled: `is_clean` says so."""
    told = json.dumps(verdict.as_json(), indent=1)
    found = verdict.campaigns
    assert not found.wrong, told
    assert found.listed == clients, told
    assert found.attempts + found.own_attempts >= found.rang > clients / 2, told
    assert (found.own_attempts > 0) is own_lists, told
    assert found.talked > 0, told


@pytest.mark.timeout(900)
async def test_one_process_on_sqlite(tmp_path: Path) -> None:
    verdict = await run(tmp_path, Shape(seed=1, listed=14), calls=150, faults=17, settle_seconds=240)
    hold(verdict, calls=150, faults=17)
    assert len(verdict.faults) == 17  # every kind but those of servers, which the next test has
    hold_campaigns(verdict, clients=14)
    # The number depends on how fast the machine starts a process; somebody always calls in that time.
    assert verdict.recovered > 0, verdict.as_json()


@pytest.mark.timeout(900)
async def test_a_campaign_that_rings_its_clients_first(tmp_path: Path) -> None:
    """Whoever answers gets an employee in time, or is told and counted, also while Dozvon is dead."""
    only = ("kill -9", "stop and start", "process frozen", "AMI cut", "AMI frozen", "PBX crash", "campaign changes",
            "order without an answer")  # fmt: skip
    shape = Shape(seed=4, only=only, listed=20, ahead=1)
    verdict = await run(tmp_path, shape, calls=40, faults=8, settle_seconds=240)
    hold(verdict, calls=40, faults=8)
    hold_campaigns(verdict, clients=20)
    assert verdict.campaigns.rung_first > 0, verdict.as_json()


@pytest.mark.servers
@pytest.mark.timeout(900)
async def test_two_processes_on_postgresql_and_redis(tmp_path: Path) -> None:
    only = (*SERVERS, *PROCESSES, "CRM drops", "campaign changes", "order without an answer")
    shape = Shape(seed=2, processes=2, per_second=2.5, only=only, listed=10)
    verdict = await run(tmp_path, shape, calls=90, faults=14, settle_seconds=300)
    hold(verdict, calls=90, faults=14)
    hold_campaigns(verdict, clients=10)
    assert set(verdict.faults) == set(shape.only)


@pytest.mark.timeout(900)
async def test_a_crm_that_follows_live_calls(tmp_path: Path) -> None:
    """Besides: no call is left unfinished there, and no card open."""
    shape = Shape(seed=3, portals=1, only=(*CRM, "kill -9", "AMI cut", "PBX crash"), listed=10)
    verdict = await run(tmp_path, shape, calls=110, faults=len(shape.only), settle_seconds=240)
    hold_campaigns(verdict, clients=10, own_lists=False)
    assert verdict.is_clean, json.dumps(verdict.as_json(), indent=1)
    assert verdict.logged > verdict.calls * 0.7
    assert verdict.recorded > 0
    assert set(verdict.faults) == set(shape.only)


# ---- the judge itself ------------------------------------------------------------------------------------------------


def test_what_is_told_just_before_a_kill_may_be_lost() -> None:
    disruptions = Disruptions()
    disruptions.add(100.0)
    assert not disruptions.kept(100.0 - MARGIN_SECONDS / 2)
    assert disruptions.kept(100.0 - MARGIN_SECONDS * 2)
    assert disruptions.kept(100.1)


def test_what_is_told_to_a_process_that_hangs_may_be_lost() -> None:
    disruptions = Disruptions()
    disruptions.add_deafness(100.0, 104.0)
    assert [disruptions.kept(at) for at in (90.0, 103.0, 105.0)] == [True, False, True]


def test_what_is_told_while_the_database_is_away_is_kept_when_it_is_back() -> None:
    disruptions = Disruptions()
    disruptions.add_outage(90.0, 110.0)
    assert disruptions.kept(95.0)
    disruptions.add(100.0)
    assert not disruptions.kept(95.0)
    assert disruptions.kept(105.0)


CALLER = [("Channel", "PJSIP/trunk-1"), ("CallerIDNum", "79161234567"), ("Uniqueid", "1.0"), ("Linkedid", "1.0")]
PHONE = [("Channel", "PJSIP/101-1"), ("CallerIDNum", "101"), ("Uniqueid", "1.1"), ("Linkedid", "1.0")]


def test_the_ledger_follows_a_call() -> None:
    """The client, the talk's moments, the recording, and the end."""
    ledger = Ledger("office", lambda: True)
    ledger.listed()
    ledger.witness("Newchannel", "call", CALLER)
    ledger.witness("VarSet", "dialplan", [*CALLER, ("Variable", "MIXMONITOR_FILENAME"), ("Value", "/spool/a.wav")])
    ledger.witness("Newchannel", "call", PHONE)
    assert ledger.calls["1.0"].talk_began is None
    for channel in (PHONE, CALLER):
        ledger.witness("BridgeEnter", "call", [("BridgeUniqueid", "b"), *channel])
    ledger.witness("Hangup", "call", PHONE)
    assert [each.linkedid for each in ledger.live] == ["1.0"]
    ledger.witness("Hangup", "call", CALLER)
    call = ledger.calls["1.0"]
    assert call.talk_began is not None
    assert (call.direction, call.number, call.file, ledger.live) == ("inbound", "79161234567", "/spool/a.wav", [])
    assert ledger.was_known(call)


def test_a_call_of_which_nobody_was_told() -> None:
    ledger = Ledger("office", lambda: False)
    ledger.witness("Newchannel", "call", CALLER)
    ledger.witness("Hangup", "call", CALLER)
    assert not ledger.was_known(ledger.calls["1.0"])


def test_a_call_that_a_new_connection_finds_under_way() -> None:
    """A later process cannot know it from events alone, but from the list of calls."""
    ledger = Ledger("office", lambda: True)
    ledger.listed()
    ledger.witness("Newchannel", "call", CALLER)
    call = ledger.calls["1.0"]
    ledger.disrupted()
    ledger.witness("Newchannel", "call", PHONE)
    assert not ledger.was_known(call)
    ledger.listed()
    assert ledger.was_known(call)
