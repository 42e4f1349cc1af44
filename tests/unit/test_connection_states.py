"""The state of a connection follows from what is known of it, and every reason can be read in every language."""

from __future__ import annotations

import string

import pytest

from integration.domain.connections.link import Link, LinkPhase
from integration.domain.connections.state import (
    ConnectionState,
    ConnectionStatus,
    FailedChange,
    StateReason,
    crm_state,
    pbx_state,
    why,
)
from integration.domain.crm.entities import CrmCondition, CrmTrouble
from integration.domain.ids import Timestamp
from integration.domain.reasons import Reason
from integration.texts import LANGUAGES
from integration.texts.connections import REASONS, STATUSES, state_sentence

FAULT = why(StateReason.LOGIN_REFUSED, user="dozvon")
SOON, BEFORE = Timestamp(1_000.0), Timestamp(900.0)
FAILED = FailedChange(detail="no driver", since=BEFORE, next_try=SOON)


def of_crm(condition: CrmCondition, *, is_on: bool = True, was_asked: bool = True) -> ConnectionState:
    return crm_state(condition, is_on=is_on, was_asked=was_asked)


@pytest.mark.parametrize(
    ("trouble", "status"),
    [
        (None, ConnectionStatus.READY),
        (CrmTrouble.NOT_CONNECTED, ConnectionStatus.NEEDS_CONSENT),
        (CrmTrouble.NEEDS_CONSENT, ConnectionStatus.NEEDS_CONSENT),
        (CrmTrouble.REFUSED, ConnectionStatus.NEEDS_CONSENT),
        (CrmTrouble.UNPAID, ConnectionStatus.RETRYING),
        (CrmTrouble.BLOCKED, ConnectionStatus.RETRYING),
        (CrmTrouble.AWAY, ConnectionStatus.RETRYING),
        (CrmTrouble.SLOWED, ConnectionStatus.READY),
    ],
)
def test_a_crms_trouble_is_a_state_with_its_reason(trouble: CrmTrouble | None, status: ConnectionStatus) -> None:
    found = of_crm(CrmCondition(trouble=trouble, detail="403", until=SOON if trouble else None, since=BEFORE))
    assert found.status is status
    assert found.since == BEFORE
    if trouble is not None:
        assert (found.reason, found.detail, found.next_try) == (why(StateReason(f"crm_{trouble}")), "403", SOON)


def test_every_trouble_of_a_crm_has_a_state() -> None:
    assert all(of_crm(CrmCondition(trouble=trouble)).reason for trouble in CrmTrouble)


def test_nothing_is_claimed_of_a_crm_that_was_not_asked_but_what_is_known() -> None:
    assert of_crm(CrmCondition(), was_asked=False).status is ConnectionStatus.SETTING_UP
    known = CrmCondition(trouble=CrmTrouble.NOT_CONNECTED)
    assert of_crm(known, was_asked=False).status is ConnectionStatus.NEEDS_CONSENT


def test_an_account_that_is_switched_off_is_off_whatever_its_crm_says() -> None:
    for trouble in (None, *CrmTrouble):
        found = of_crm(CrmCondition(trouble=trouble), is_on=False)
        assert (found.status, found.reason) == (ConnectionStatus.OFF, why(StateReason.SWITCHED_OFF))


@pytest.mark.parametrize(
    ("link", "status"),
    [
        (Link(), ConnectionStatus.NOT_SET_UP),
        (Link(phase=LinkPhase.CONNECTING), ConnectionStatus.SETTING_UP),
        (Link(phase=LinkPhase.UP), ConnectionStatus.READY),
        (Link(phase=LinkPhase.WAITING, fault=FAULT), ConnectionStatus.RETRYING),
        (Link(phase=LinkPhase.CONNECTING, fault=FAULT), ConnectionStatus.RETRYING),
    ],
)
def test_a_pbxs_link_is_a_state(link: Link, status: ConnectionStatus) -> None:
    assert pbx_state(link, is_used=True).status is status
    assert pbx_state(link, is_used=False).status is ConnectionStatus.OFF


def test_only_where_there_are_other_processes_one_of_them_may_be_missing() -> None:
    alone, shared = (pbx_state(Link(), is_used=True, is_shared=is_shared) for is_shared in (False, True))
    assert alone == ConnectionState(status=ConnectionStatus.NOT_SET_UP)
    assert shared == ConnectionState(status=ConnectionStatus.NOT_SET_UP, reason=why(StateReason.NOT_FOLLOWED))


def test_a_pbx_that_is_tried_again_says_why_and_when() -> None:
    link = Link(phase=LinkPhase.WAITING, fault=FAULT, detail="in its words", next_try=SOON, since=BEFORE)
    assert pbx_state(link, is_used=True) == ConnectionState(
        status=ConnectionStatus.RETRYING, reason=FAULT, detail="in its words", next_try=SOON, since=BEFORE
    )


def test_a_change_that_failed_counts_more_than_the_old_connection_which_goes_on() -> None:
    expected = ConnectionState(
        status=ConnectionStatus.RETRYING,
        reason=why(StateReason.CHANGE_FAILED),
        detail="no driver",
        next_try=SOON,
        since=BEFORE,
    )
    assert pbx_state(Link(phase=LinkPhase.UP), is_used=False, failed=FAILED) == expected
    assert crm_state(CrmCondition(), is_on=True, was_asked=True, failed=FAILED) == expected


@pytest.mark.parametrize("code", list(StateReason))
def test_each_reason_has_three_sentences_with_the_same_values(code: StateReason) -> None:
    texts = REASONS[code]
    values = [{name for _, name, _, _ in string.Formatter().parse(text) if name is not None} for text in texts]
    assert values[0] == values[1] == values[2]
    assert len(set(texts)) == len(LANGUAGES)
    assert all(text.endswith(".") for text in texts)


def test_no_status_and_no_reason_lacks_a_text_and_no_text_is_of_nothing() -> None:
    assert set(STATUSES) == {status.value for status in ConnectionStatus}
    assert set(REASONS) == {code.value for code in StateReason}


def test_a_state_is_said_in_one_sentence() -> None:
    waiting = ConnectionState(status=ConnectionStatus.RETRYING, reason=FAULT)
    assert state_sentence(waiting, "en") == (
        "The PBX refuses the login: wrong user or password, or the address of Dozvon is not permitted. User: dozvon."
    )
    assert state_sentence(waiting) == (
        "Вход в АТС отклонён: неверное имя или пароль, или адрес Dozvon не разрешён. Пользователь: dozvon."
    )
    assert state_sentence(ConnectionState(status=ConnectionStatus.READY), "uk") == "На зв’язку"


def test_a_reason_of_another_release_can_be_read() -> None:
    """Processes of two releases tell each other of their links."""
    newer = Reason(code="of_tomorrow", detail={})
    assert state_sentence(ConnectionState(status=ConnectionStatus.RETRYING, reason=newer)) == "of_tomorrow"
    without = Reason(code="login_refused", detail={})
    sentence = state_sentence(ConnectionState(status=ConnectionStatus.RETRYING, reason=without), "en")
    assert sentence.endswith("User: —.")
