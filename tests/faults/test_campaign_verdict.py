"""The judge of campaigns: what must not be is told apart from what a kill, a lost answer or a person explains."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from integration.domain.campaigns.model import (
    Attempt,
    AttemptState,
    Entry,
    EntryNumber,
    EntryState,
    Mode,
    Outcome,
)
from integration.domain.campaigns.own_list import Client, ClientState, ListedNumber, OwnList
from integration.domain.ids import AccountId, AttemptId, EntryId, ManagerId, Timestamp
from integration.ports.campaigns import ListedEntry
from integration.ports.own_lists import OWN_LISTS
from tests.faults.campaign import CAMPAIGN, CampaignOf, somebody
from tests.faults.campaign_verdict import Told, what_is_wrong
from tests.faults.ledger import PbxCall

ACME = AccountId("acme")
CLIENT = somebody(1)
NUMBER = CLIENT.numbers[0]
T0 = 1000.0


def attempt(id_: str, outcome: Outcome | None, *, number: str = NUMBER, **changes: Any) -> Attempt:
    values: dict[str, Any] = {"campaign": CAMPAIGN, "sent_at": Timestamp(T0), "written_at": Timestamp(T0)}
    state = AttemptState.SENT if outcome is None else AttemptState.ENDED
    return Attempt(
        id=AttemptId(id_), entry=EntryId(1), number=f"+{number}", line="pbx/", fence=1, mode=Mode.PROGRESSIVE,
        state=state, outcome=outcome, **{**values, **changes},
    )  # fmt: skip


def rang(*numbers: str, at: float = T0, talk: float = 0.0) -> PbxCall:
    return PbxCall(
        pbx="pbx", linkedid="", direction="outbound", number=NUMBER, began=at, ended=at + 10,
        talk_began=at + 10 - talk if talk else None, rang=list(numbers),
    )  # fmt: skip


def told(*attempts: Attempt, state: EntryState = EntryState.REACHED, struck: bool = False, **calls: PbxCall) -> Told:
    numbers = tuple(EntryNumber(e164=f"+{each}", struck=struck) for each in CLIENT.numbers)
    due = Timestamp(2e9) if state is EntryState.OPEN else None
    entry = Entry(id=EntryId(1), campaign=CAMPAIGN, numbers=numbers, name=CLIENT.name, state=state, due_at=due)
    return Told(
        campaign=CampaignOf(ACME, [CLIENT], seed=1),
        of_manager=frozenset(),
        own=None,
        attempts={each.id: each for each in attempts},
        entries=[ListedEntry(entry=entry, changed_at=Timestamp(T0))],
        calls={AttemptId(key): call for key, call in calls.items()},
        orders=Counter(f"dozvon-{key}" for key in calls),
        clicked=frozenset({"79161234567"}),
    )


def wrong(seen: Told) -> set[str]:
    return {what for what, _ in what_is_wrong(seen)}


def test_what_the_pbx_and_the_journal_say_alike_is_right() -> None:
    once = told(attempt("a", Outcome.TALKED), a=rang(NUMBER, talk=5.0))
    assert wrong(once) == set()
    busy = attempt("a", Outcome.BUSY), attempt("b", Outcome.EMPLOYEE_FAILED)
    assert wrong(told(*busy, state=EntryState.OPEN, a=rang(NUMBER), b=rang(at=T0 + 20))) == set()


def test_a_click_of_somebody_is_no_call_of_a_campaign_and_a_strangers_number_is_nobodys() -> None:
    talked = attempt("a", Outcome.TALKED)
    assert wrong(told(talked, a=rang(NUMBER, talk=5.0), click=rang("79161234567"))) == set()
    assert wrong(told(talked, a=rang(NUMBER, talk=5.0), other=rang("79991112233"))) == {"dialled outside the list"}
    unwritten = told(talked, a=rang(NUMBER, talk=5.0), other=rang(NUMBER, at=T0 - 100))
    assert wrong(unwritten) == {"dialled outside the list"}, "a call of which the journal knows nothing"


def test_who_is_dialled_twice() -> None:
    talked = attempt("a", Outcome.TALKED)
    assert wrong(told(talked, a=rang(NUMBER, NUMBER, talk=5.0))) == {
        "attempts dialled twice",
        "numbers dialled twice at once",
    }
    ordered = told(talked, a=rang(NUMBER, talk=5.0))
    assert wrong(replace(ordered, orders=Counter({"dozvon-a": 2}))) == {"attempts ordered twice"}
    unknown = attempt("b", Outcome.UNKNOWN)
    at_once = told(talked, unknown, a=rang(NUMBER, talk=5.0), b=rang(NUMBER, at=T0 + 5))
    assert "numbers dialled twice at once" in wrong(at_once)
    later = told(talked, unknown, a=rang(NUMBER, talk=5.0), b=rang(NUMBER, at=T0 + 60))
    assert wrong(later) == {"called again after a talk"}


def test_what_the_journal_says_otherwise_than_the_pbx() -> None:
    assert wrong(told(attempt("a", Outcome.TALKED), a=rang(NUMBER))) == {"talks that never were"}
    assert wrong(told(attempt("a", Outcome.TALKED))) == {"outcomes of calls that never rang"}
    opened = EntryState.OPEN
    assert wrong(told(attempt("a", Outcome.UNKNOWN), state=opened, a=rang(NUMBER, talk=5.0))) == {
        "talks that were not seen"
    }
    uncounted = told(attempt("a", Outcome.NOT_DIALLED), attempt("b", Outcome.BUSY), state=opened, a=rang(NUMBER))
    assert wrong(replace(uncounted, calls={**uncounted.calls, AttemptId("b"): rang(NUMBER, at=T0 + 60)})) == {
        "rang and not counted"
    }
    assert "attempts left behind" in wrong(told(attempt("a", None), state=opened, a=rang(NUMBER)))


def waited(answered: float, *, talk_at: float | None = None, away: float | None = None, ended: float = 9.0) -> PbxCall:
    """A client who was rung first; moments in seconds of the call."""
    return PbxCall(
        pbx="pbx", linkedid="", direction="outbound", number=NUMBER, began=T0, ended=T0 + ended, rang=[NUMBER],
        is_client_first=True, answered_at=T0 + answered, talk_began=None if talk_at is None else T0 + talk_at,
        turned_away_at=None if away is None else T0 + away,
    )  # fmt: skip


def test_whoever_waited_for_an_employee() -> None:
    opened, gone = EntryState.OPEN, waited(1.0, away=3.0, ended=4.0)
    assert wrong(told(attempt("a", Outcome.TALKED), a=waited(1.0, talk_at=2.0))) == set()
    assert wrong(told(attempt("a", Outcome.ABANDONED), state=opened, a=gone)) == set()
    assert wrong(told(attempt("a", Outcome.CLIENT_LEFT), state=opened, a=gone)) == {
        "turned away and not counted",
    }
    assert wrong(told(attempt("a", Outcome.TALKED), a=waited(1.0, talk_at=4.5))) == {"waited too long and not counted"}
    early = waited(1.0, talk_at=1.5)
    assert "abandoned who were not" in wrong(told(attempt("a", Outcome.ABANDONED), state=opened, a=early))
    assert wrong(told(attempt("a", Outcome.ABANDONED), state=opened, a=rang(NUMBER))) == {
        "abandoned who had not answered"
    }
    gone.is_crashed = True
    assert wrong(told(attempt("a", Outcome.UNKNOWN), state=opened, a=gone)) == set()


def test_a_talk_that_the_pbx_itself_lost_in_a_crash_may_be_unknown() -> None:
    call = rang(NUMBER, talk=5.0)
    call.is_crashed = True
    assert wrong(told(attempt("a", Outcome.UNKNOWN), state=EntryState.OPEN, a=call)) == set()


def test_who_is_lost() -> None:
    assert wrong(told(state=EntryState.OPEN)) == {"clients lost"}, "never called"
    assert wrong(replace(told(attempt("a", Outcome.TALKED), a=rang(NUMBER, talk=5.0)), entries=[])) == {"clients lost"}
    assert wrong(told(attempt("a", Outcome.BUSY), a=rang(NUMBER))) == {"clients called reached who were not"}
    given_up = attempt("a", Outcome.BUSY)
    assert wrong(told(given_up, state=EntryState.NOT_REACHED, a=rang(NUMBER))) == {"clients given up too early"}
    assert wrong(told(given_up, state=EntryState.NOT_REACHED, struck=True, a=rang(NUMBER))) == set()


def test_what_a_supervisor_decided_holds_from_then_on() -> None:
    seen = told(attempt("a", Outcome.TALKED), a=rang(NUMBER, talk=5.0))
    seen.campaign.gone[NUMBER] = T0 + 5
    assert wrong(seen) == set(), "it was on its way already"
    seen.campaign.gone[NUMBER] = T0 - 5
    assert wrong(seen) == {"dialled after they were taken out"}
    seen = told(attempt("a", Outcome.TALKED), a=rang(NUMBER, talk=5.0))
    seen.campaign.paused.append((T0 - 5, T0 + 5))
    assert wrong(seen) == {"dialled while it rested"}


def own_list(state: ClientState, outcome: Outcome | None, own: PbxCall | None = None) -> Told:
    manager, number = ManagerId("7"), "79960000001"
    of_campaign = attempt("a", Outcome.TALKED)
    tried = [] if outcome is None else [attempt("own", outcome, number=number, campaign=OWN_LISTS, sent_at=None)]
    client = Client(key=1, numbers=(ListedNumber(e164=f"+{number}"),), name="Анна", state=state)
    seen = told(of_campaign, *tried, a=rang(NUMBER, talk=5.0))
    calls = seen.calls if own is None else {**seen.calls, AttemptId("own"): own}
    listed = OwnList(account=ACME, manager=manager, clients=(client,))
    return replace(seen, of_manager=frozenset({number}), own=listed, calls=calls)


def test_a_managers_own_list() -> None:
    number = "79960000001"
    talk = rang(number, talk=5.0)
    assert wrong(own_list(ClientState.WAITING, None)) == set(), "it need not be done"
    assert wrong(own_list(ClientState.REACHED, Outcome.TALKED, own=talk)) == set()
    assert wrong(own_list(ClientState.REACHED, None)) == {"clients called reached who were not"}
    assert wrong(own_list(ClientState.WAITING, Outcome.TALKED, own=talk)) == {
        "clients to be called again who were reached"
    }
    assert wrong(own_list(ClientState.UNCLEAR, Outcome.BUSY, own=rang(number))) == {
        "clients called unclear who were not"
    }
    stranger = own_list(ClientState.REACHED, Outcome.TALKED, own=rang(NUMBER, at=T0 - 60, talk=5.0))
    assert "dialled outside the list" in wrong(stranger), "the campaign's client is not the manager's"
