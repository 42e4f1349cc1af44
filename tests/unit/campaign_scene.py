"""A campaign, its people and its clients for the tests of the dialling policy."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from integration.domain.campaigns.decide import Decision, decide
from integration.domain.campaigns.estimates import Estimates
from integration.domain.campaigns.ledger import Ledger
from integration.domain.campaigns.model import Campaign, CampaignLine, CampaignState, Entry, EntryNumber, Mode, Owners
from integration.domain.campaigns.situation import CallInFlight, Clients, EmployeeNow, EmployeeState, LineNow, Situation
from integration.domain.ids import AccountId, AttemptId, CampaignId, EntryId, ManagerId, PbxId, Timestamp

MOSCOW = "Europe/Moscow"


def at(text: str, zone: str = MOSCOW) -> Timestamp:
    return Timestamp(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp())


NOON = at("2026-11-30T12:00")  # a Monday
NUMBER = "+74951234567"


def campaign(**changes: Any) -> Campaign:
    usual = Campaign(
        id=CampaignId("autumn"),
        account=AccountId("acme"),
        name="Autumn",
        mode=Mode.PROGRESSIVE,
        state=CampaignState.RUNNING,
        lines=(CampaignLine(key="pbx/1", pbx=PbxId("pbx"), line="1", most=30, per_second=100.0),),
        members=tuple(str(100 + i) for i in range(20)),
        owners=Owners.ANYBODY,
        office_zone=MOSCOW,
    )
    return replace(usual, **changes)


def entry(number: str | tuple[str, ...] = NUMBER, id_: int = 1, **changes: Any) -> Entry:
    numbers = (number,) if isinstance(number, str) else number
    usual = Entry(
        id=EntryId(id_),
        campaign=CampaignId("autumn"),
        numbers=tuple(EntryNumber(e164=each, zones=(MOSCOW,)) for each in numbers),
    )
    return replace(usual, **changes)


def entries(count: int) -> tuple[Entry, ...]:
    return tuple(entry(f"+7495{n:07d}", n) for n in range(1, count + 1))


def people(count: int = 1, state: EmployeeState = EmployeeState.FREE, since: Timestamp = NOON) -> list[EmployeeNow]:
    return [EmployeeNow(key=str(100 + i), state=state, since=since, manager=ManagerId(str(i))) for i in range(count)]


def in_flight(count: int, **changes: Any) -> list[CallInFlight]:
    usual = CallInFlight(
        attempt=AttemptId("attempt-1"), campaign=CampaignId("autumn"), entry=EntryId(900), number="+79990000000",
        line="pbx/1", dialled_at=NOON,
    )  # fmt: skip
    return [replace(usual, number=f"+7999{n:07d}", entry=EntryId(900 + n), **changes) for n in range(count)]


def asked(
    dialled: Campaign | None = None,
    *,
    team: list[EmployeeNow] | None = None,
    clients: Clients | None = None,
    ledger: Ledger | None = None,
    estimates: Estimates | None = None,
    now: Timestamp = NOON,
    **situation: Any,
) -> Decision:
    scene = {
        "employees": people() if team is None else team,
        "lines": {"pbx/1": LineNow()},
        "entries": (entry(),),
        "clients": clients or Clients(),
        **situation,
    }
    return decide(dialled or campaign(), Situation(**scene), estimates or Estimates(), ledger or Ledger(), now)
