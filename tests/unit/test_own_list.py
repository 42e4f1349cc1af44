"""A manager's own list: order, timers, struck-out numbers and buttons, as S4 ("Обзвон по контактам и сделкам") says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from integration.domain.campaigns import own_list
from integration.domain.campaigns.model import Outcome
from integration.domain.campaigns.own_list import (
    OPEN,
    Client,
    ClientState,
    Leaving,
    ListedNumber,
    OwnList,
    Phase,
    Place,
    add,
    call_now,
    clear,
    hold,
    must_hang_up,
    put_next,
    remove,
    resume,
    skip,
    start,
    stop,
)
from integration.domain.campaigns.own_list_calls import begin, ended, heard, not_dialled, not_now
from integration.domain.ids import AccountId, AttemptId, CallId, ManagerId, Timestamp

T0 = Timestamp(1_000.0)
ONE, TWO, THREE = AttemptId("attempt-1"), AttemptId("attempt-2"), AttemptId("attempt-3")
CALL = CallId("pbx:1")


def at(seconds: float) -> Timestamp:
    return Timestamp(T0 + seconds)


def client(*numbers: str, name: str = "") -> Client:
    return Client(key=0, name=name, numbers=tuple(ListedNumber(e164=number) for number in numbers))


def listed(*clients: Client) -> OwnList:
    return add(OwnList(account=AccountId("acme"), manager=ManagerId("7")), clients).own


def calling(own: OwnList, attempt: AttemptId = ONE, *, now: Timestamp = T0) -> OwnList:
    begun = begin(start(own, now), attempt, now)
    assert begun.phase is Phase.CALLING
    return begun


ANNA, BORIS, VERA = client("+71", "+72", name="Анна"), client("+73", name="Борис"), client("+74", name="Вера")


def test_the_first_client_is_called_at_once_on_the_first_number_of_the_card() -> None:
    own = calling(listed(ANNA, BORIS))
    assert (own.current, own.number, own.attempt) == (1, "+71", ONE)


def test_a_number_that_failed_is_struck_out_and_the_next_one_of_the_client_follows_after_3_seconds() -> None:
    own = ended(calling(listed(ANNA, BORIS)), ONE, Outcome.BUSY, at(20))
    assert (own.phase, own.due_at) == (Phase.WAITING, at(23))
    assert own.clients[0].numbers == (ListedNumber(e164="+71", struck="busy"), ListedNumber(e164="+72"))
    assert begin(own, TWO, at(22.9)) == own, "not a moment earlier"
    assert begin(own, TWO, at(23)).number == "+72"


@pytest.mark.parametrize("outcome", [Outcome.BUSY, Outcome.NO_ANSWER, Outcome.UNREACHABLE, Outcome.NO_SUCH_NUMBER])
def test_when_every_number_has_failed_the_next_client_follows_after_10_seconds(outcome: Outcome) -> None:
    own = ended(calling(listed(ANNA, BORIS)), ONE, outcome, at(20))
    own = ended(begin(own, TWO, at(23)), TWO, outcome, at(40))
    assert (own.clients[0].state, own.due_at) == (ClientState.NOT_REACHED, at(50))
    assert begin(own, THREE, at(50)).number == "+73"


def test_after_a_talk_the_next_client_follows_after_10_seconds_and_the_other_numbers_are_left_alone() -> None:
    own = heard(calling(listed(ANNA, BORIS)), ONE, CALL, at(5), answered=True)
    assert own.phase is Phase.TALKING
    own = ended(own, ONE, Outcome.TALKED, at(65))
    assert (own.clients[0].state, own.clients[0].call, own.due_at) == (ClientState.REACHED, CALL, at(75))
    assert begin(own, TWO, at(75)).number == "+73"


def test_the_timer_can_be_stopped_and_goes_on_with_what_was_left_of_it() -> None:
    own = ended(calling(listed(BORIS, VERA)), ONE, Outcome.TALKED, at(60))
    own = hold(own, at(64))
    assert (own.phase, own.due_at, own.left_seconds) == (Phase.HELD, None, 6.0)
    assert begin(own, TWO, at(600)) == own
    assert resume(own, at(600)).due_at == at(606)


def test_the_end_of_the_list_is_said() -> None:
    own = ended(calling(listed(BORIS)), ONE, Outcome.TALKED, at(60))
    assert (own.phase, own.why) == (Phase.IDLE, "finished")


def test_who_is_skipped_is_passed_over_and_three_seconds_are_left_to_see_who_follows() -> None:
    own = ended(calling(listed(BORIS, ANNA, VERA)), ONE, Outcome.TALKED, at(60))
    own = skip(own, 2, at(69))
    assert own.clients[1].state is ClientState.SKIPPED
    assert own.due_at == at(72)
    assert skip(own, 2, at(70)) == own, "pressed twice it counts once"
    assert begin(own, TWO, at(72)).number == "+74"


def test_a_client_who_is_skipped_while_their_phone_rings_is_hung_up_first() -> None:
    own = skip(calling(listed(ANNA, BORIS)), 1, at(5))
    assert must_hang_up(own)
    own = ended(own, ONE, Outcome.CANCELLED, at(6))
    assert (own.clients[0].state, own.due_at) == (ClientState.SKIPPED, at(9))
    assert own.clients[0].numbers[0].struck is None


def test_a_client_who_is_skipped_in_the_moment_of_the_answer_was_reached() -> None:
    own = ended(skip(calling(listed(ANNA, BORIS)), 1, at(5)), ONE, Outcome.TALKED, at(30))
    assert (own.clients[0].state, own.due_at) == (ClientState.REACHED, at(40))


def test_during_a_talk_nobody_is_skipped_or_removed() -> None:
    own = heard(calling(listed(ANNA, BORIS)), ONE, CALL, at(5), answered=True)
    assert skip(own, 1, at(6)) == own
    assert remove(own, 1, at(6)) == own


def test_whom_the_manager_chooses_is_called_next() -> None:
    own = put_next(listed(ANNA, BORIS, VERA), 3)
    assert [each.key for each in own.clients] == [3, 1, 2]
    own = ended(calling(own), ONE, Outcome.TALKED, at(60))
    assert begin(own, TWO, at(70)).number == "+71"


def test_who_is_put_next_comes_after_the_other_numbers_of_the_client_who_is_being_called() -> None:
    own = put_next(ended(calling(listed(ANNA, BORIS, VERA)), ONE, Outcome.BUSY, at(20)), 3)
    own = begin(own, TWO, at(23))
    assert own.number == "+72"
    assert begin(ended(own, TWO, Outcome.BUSY, at(30)), THREE, at(40)).number == "+74"


def test_who_was_reached_is_called_again_when_put_next_with_all_numbers() -> None:
    own = ended(calling(listed(ANNA, BORIS)), ONE, Outcome.BUSY, at(20))
    own = ended(begin(own, TWO, at(23)), TWO, Outcome.BUSY, at(30))
    own = put_next(own, 1)
    assert own.clients[0].state is ClientState.WAITING
    assert begin(own, THREE, at(40)).number == "+71"


def test_a_client_is_called_now_without_waiting_for_the_timer() -> None:
    own = ended(calling(listed(ANNA, BORIS, VERA)), ONE, Outcome.BUSY, at(20))
    own = call_now(own, 3, at(21))
    assert own.due_at == at(21)
    own = begin(own, TWO, at(21))
    assert own.number == "+74"
    assert own.clients[0].state is ClientState.WAITING or own.clients[1].state is ClientState.WAITING


def test_stop_hangs_up_what_is_not_answered_and_the_client_waits_with_all_numbers() -> None:
    own = stop(calling(listed(ANNA, BORIS)))
    assert must_hang_up(own)
    own = ended(own, ONE, Outcome.CANCELLED, at(6))
    assert (own.phase, own.clients[0].state, own.clients[0].next_number) == (Phase.IDLE, ClientState.WAITING, "+71")


def test_stop_during_a_talk_lets_it_end_and_start_takes_it_back() -> None:
    talking = heard(calling(listed(ANNA, BORIS)), ONE, CALL, at(5), answered=True)
    own = stop(talking)
    assert not must_hang_up(own)
    assert start(own, at(10)) == talking
    own = ended(own, ONE, Outcome.TALKED, at(60))
    assert (own.phase, own.clients[0].state) == (Phase.IDLE, ClientState.REACHED)


def test_a_removed_client_is_gone_and_the_call_is_hung_up() -> None:
    own = remove(calling(listed(ANNA, BORIS)), 1, at(2))
    assert must_hang_up(own)
    own = ended(own, ONE, Outcome.CANCELLED, at(3))
    assert [each.key for each in own.clients] == [2]
    assert begin(own, TWO, at(6)).number == "+73"


def test_clear_empties_the_list_and_what_is_added_meanwhile_stays() -> None:
    assert clear(listed(ANNA, BORIS)).clients == ()
    own = clear(heard(calling(listed(ANNA, BORIS)), ONE, CALL, at(5), answered=True))
    assert [each.name for each in own.clients] == ["Анна"], "until the talk is over"
    own = add(own, [VERA]).own
    own = ended(own, ONE, Outcome.TALKED, at(60))
    assert ([each.name for each in own.clients], own.phase) == (["Вера"], Phase.IDLE)


def test_a_phone_that_its_manager_does_not_take_stops_the_list_and_strikes_nothing() -> None:
    own = ended(calling(listed(ANNA, BORIS)), ONE, Outcome.EMPLOYEE_FAILED, at(30))
    assert (own.phase, own.why, own.clients[0].next_number) == (Phase.IDLE, "phone_not_answered", "+71")


def test_a_line_that_fails_three_times_in_a_row_stops_the_list() -> None:
    own = listed(*(client(f"+8{n}") for n in range(5)))
    now = T0
    own = start(own, now)
    for n in range(3):
        assert own.phase is Phase.WAITING
        now = own.due_at or now
        own = begin(own, AttemptId(f"attempt-{n}"), now)
        own = ended(own, AttemptId(f"attempt-{n}"), Outcome.TRUNK_FAILED, now)
    assert (own.phase, own.why) == (Phase.IDLE, "line_failed")


def test_a_client_whose_call_nobody_saw_end_is_not_called_on_another_number() -> None:
    own = ended(calling(listed(ANNA, BORIS)), ONE, Outcome.UNKNOWN, at(30))
    assert own.clients[0].state is ClientState.UNCLEAR
    assert begin(own, TWO, at(40)).number == "+73"


def test_a_forbidden_number_is_struck_out_with_the_reason() -> None:
    own = not_dialled(calling(listed(ANNA)), ONE, "premium_not_allowed", at(1), number=True, again=False)
    assert own.clients[0].numbers[0].struck == "premium_not_allowed"
    assert begin(own, TWO, at(4)).number == "+72"


def test_a_manager_who_talks_is_waited_for() -> None:
    own = not_now(start(listed(ANNA), T0), "already_talking", T0)
    assert (own.phase, own.due_at, own.why) == (Phase.WAITING, at(10), "already_talking")


def test_the_same_number_is_in_the_list_once() -> None:
    grown = add(listed(ANNA), [client("+79", "+72"), VERA, VERA])
    assert grown.places == (Place.TWICE, Place.TAKEN, Place.TWICE)


def test_a_full_list_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_list, "MOST_CLIENTS", 2)
    assert add(listed(ANNA), [BORIS, VERA]).places == (Place.TAKEN, Place.FULL)


def test_what_comes_late_of_another_attempt_changes_nothing() -> None:
    own = calling(listed(ANNA, BORIS))
    assert ended(own, TWO, Outcome.TALKED, at(9)) == own
    assert heard(own, TWO, CALL, at(9), answered=True) == own


class Panel(RuleBasedStateMachine):
    """Whatever is pressed and whatever becomes of the calls: one call at a time, nobody twice, nobody lost."""

    def __init__(self) -> None:
        super().__init__()
        self.now = T0
        self.attempts = 0
        self.numbers = 0
        self.dialled: list[tuple[int, str]] = []
        self.allowed_again: set[int] = set()

    @initialize(sizes=st.lists(st.integers(1, 3), max_size=4))
    def made(self, sizes: list[int]) -> None:
        self.own = listed(*(self._new(size) for size in sizes))

    def _new(self, size: int) -> Client:
        self.numbers += size
        return client(*(f"+7{self.numbers - each}" for each in range(size)))

    def _key(self, place: int) -> int | None:
        clients = self.own.clients
        return clients[place % len(clients)].key if clients else None

    def _press(self, press: Callable[[OwnList, int], OwnList], place: int) -> None:
        key = self._key(place)
        if key is not None:
            self.own = press(self.own, key)

    @rule(size=st.integers(1, 3))
    def add(self, size: int) -> None:
        self.own = add(self.own, [self._new(size)]).own

    @rule()
    def start(self) -> None:
        self.own = start(self.own, self.now)

    @rule()
    def stop(self) -> None:
        self.own = stop(self.own)
        assert self.own.phase is Phase.IDLE or self.own.leaving is not None

    @rule()
    def hold(self) -> None:
        self.own = hold(self.own, self.now)
        assert self.own.phase is not Phase.WAITING

    @rule()
    def resume(self) -> None:
        self.own = resume(self.own, self.now)

    @rule(place=st.integers(0, 9))
    def skip(self, place: int) -> None:
        self._press(lambda own, key: skip(own, key, self.now), place)

    @rule(place=st.integers(0, 9))
    def put_next(self, place: int) -> None:
        self._again(place)
        self._press(put_next, place)

    @rule(place=st.integers(0, 9))
    def call_now(self, place: int) -> None:
        if not self.own.is_calling:
            self._again(place)
        self._press(lambda own, key: call_now(own, key, self.now), place)

    def _again(self, place: int) -> None:
        """A person wants this client called again: the numbers count from the beginning."""
        found = self.own.client(self._key(place))
        if found is not None and found.state not in OPEN:
            self.dialled = [each for each in self.dialled if each[0] != found.key]

    @rule(place=st.integers(0, 9))
    def remove(self, place: int) -> None:
        self._press(lambda own, key: remove(own, key, self.now), place)

    @rule()
    def clear(self) -> None:
        self.own = clear(self.own)
        assert len(self.own.clients) <= int(self.own.is_calling)

    @rule(seconds=st.floats(0, 30))
    def time(self, seconds: float) -> None:
        self.now = Timestamp(self.now + seconds)

    @rule()
    def due(self) -> None:
        before = self.own
        self.attempts += 1
        attempt = AttemptId(f"attempt-{self.attempts}")
        self.own = begin(self.own, attempt, self.now)
        if self.own.attempt != attempt:
            return
        assert before.phase is Phase.WAITING
        assert before.due_at is not None
        assert before.due_at <= self.now
        client = self.own.client(self.own.current)
        assert client is not None
        assert self.own.number is not None
        assert (client.key, self.own.number) not in self.dialled or before.upcoming is not None
        left = [number.e164 for number in client.numbers if number.struck is None]
        assert self.own.number == left[0], "in the order of the card"
        self.dialled.append((client.key, self.own.number))

    @precondition(lambda self: self.own.is_calling)
    @rule(answered=st.booleans())
    def heard(self, answered: bool) -> None:
        assert self.own.attempt is not None
        self.own = heard(self.own, self.own.attempt, CALL, self.now, answered=answered)

    @precondition(lambda self: self.own.is_calling)
    @rule(outcome=st.sampled_from(Outcome))
    def ended(self, outcome: Outcome) -> None:
        assert self.own.attempt is not None
        before = self.own
        self.own = ended(self.own, self.own.attempt, outcome, self.now)
        assert not self.own.is_calling
        if before.leaving is Leaving.STOP:
            assert self.own.phase is Phase.IDLE
        kept = {each.key for each in before.clients} - {each.key for each in self.own.clients}
        assert kept <= {before.current}, "nobody else is lost"

    @precondition(lambda self: self.own.is_calling)
    @rule(number=st.booleans(), again=st.booleans())
    def not_dialled(self, number: bool, again: bool) -> None:
        assert self.own.attempt is not None
        self.own = not_dialled(self.own, self.own.attempt, "why", self.now, number=number, again=again)
        assert not self.own.is_calling

    @invariant()
    def the_phase_says_what_is_known(self) -> None:
        own = self.own
        assert own.is_calling == (own.attempt is not None) == (own.number is not None)
        assert (own.due_at is not None) == (own.phase in (Phase.WAITING, Phase.CALLING, Phase.TALKING))
        assert (own.left_seconds is not None) == (own.phase is Phase.HELD)
        assert own.leaving is None or own.is_calling
        if own.phase in (Phase.WAITING, Phase.HELD):
            assert own.upcoming is not None
            assert own.upcoming.next_number is not None
        taken = [client for client in own.clients if client.state is ClientState.TAKEN]
        assert len(taken) <= 1
        assert not taken or own.phase is not Phase.IDLE
        if own.is_calling:
            assert [client.key for client in taken] == [own.current]

    @invariant()
    def keys_and_numbers_are_there_once(self) -> None:
        keys = [client.key for client in self.own.clients]
        numbers = [number.e164 for client in self.own.clients for number in client.numbers]
        assert len(keys) == len(set(keys))
        assert len(numbers) == len(set(numbers))
        assert all(key < self.own.next_key for key in keys)


Panel.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestPanel = Panel.TestCase


def test_a_revision_is_the_stores() -> None:
    own = replace(listed(ANNA), revision=7)
    assert clear(own).revision == 7
