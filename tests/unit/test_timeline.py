"""A call's timeline: sentences in their order, nobody's program words, in three languages."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.domain.calls import events
from integration.domain.calls.call import (
    Direction,
    HangupBy,
    LegKind,
    LegResult,
    Origin,
    TransferKind,
    TransferResult,
    Via,
)
from integration.domain.calls.received import Answerer
from integration.domain.crm.entities import EntityKind
from integration.domain.ids import CallId, LegId, Timestamp
from integration.services.tracking import timeline_entry
from integration.texts import LANGUAGES
from integration.texts.timeline import TIMELINE, VIA, way
from integration.web.pages.timeline import event_rows, timeline_rows

CALL = CallId("pbx:1.0")
NAMES = {"101": "Анна Орлова (101)", "102": "Борис Климов (102)", "79161234567": "+7 916 123-45-67"}
UTC = ZoneInfo("UTC")


def at(seconds: float) -> dict[str, Any]:
    return {"call": CALL, "at": Timestamp(1_700_000_000 + seconds)}


def told(*happened: events.CallEvent, lang: str = "ru", is_internal: bool = False) -> list[str]:
    rows = timeline_rows(
        [timeline_entry(event) for event in happened],
        lang,
        UTC,
        lambda number: NAMES.get(number, number),
        is_internal=is_internal,
    )
    return [row.sentence for row in rows]


def begun(seconds: float = 0.0, **more: Any) -> events.CallStarted:
    values = {"direction": Direction.INBOUND, "caller": "79161234567", "called": "74950000001", **more}
    return events.CallStarted(**at(seconds), native_id="1.0", **values)


def offered(seconds: float, target: str, **more: Any) -> events.LegOffered:
    values = {"kind": LegKind.EXTENSION, "via": Via.DIRECT, **more}
    return events.LegOffered(**at(seconds), leg=LegId(target), target=target, **values)


def left(seconds: float, target: str, result: LegResult = LegResult.NOANSWER) -> events.LegEnded:
    return events.LegEnded(**at(seconds), leg=LegId(target), result=result)


def over(seconds: float) -> events.CallEnded:
    return events.CallEnded(**at(seconds), hangup_by=HangupBy.CALLER)


def test_an_answered_call() -> None:
    assert told(
        begun(),
        events.RecordingStarted(**at(0.1), file="/var/spool/asterisk/monitor/in.wav"),
        offered(0.2, "101"),
        events.LegRinging(**at(0.3), leg=LegId("101")),
        events.LegAnswered(**at(5), leg=LegId("101")),
        events.ClientConnected(**at(5.1), person="101", answered_by="101"),
        left(60, "101", LegResult.ANSWERED),
        over(60),
    ) == [
        "Входящий звонок: +7 916 123-45-67 → 74950000001",
        "Началась запись разговора",
        "Звонит телефон: Анна Орлова (101)",
        "Разговор с клиентом: Анна Орлова (101)",
        "Звонок завершил звонивший",
    ]


def test_a_queue_rings_its_members_in_one_line() -> None:
    queue = {"via": Via.QUEUE, "queue": "sales"}
    said = told(
        begun(),
        events.CallDescribed(**at(1), queue="sales"),
        offered(2, "101", **queue),
        offered(2.4, "102", **queue),
        left(20, "101"),
        left(20.1, "102"),
        over(21),
    )
    assert said[1:4] == [
        "Звонок в очереди: sales",
        "Очередь sales, звонит телефон: Анна Орлова (101), Борис Климов (102)",
        "Нет ответа: Анна Орлова (101), Борис Климов (102)",
    ]


def test_what_is_reported_late_stands_where_it_happened() -> None:
    rows = timeline_rows([timeline_entry(each) for each in (begun(), over(30), offered(1, "101"))], "en", UTC, str)
    assert [row.at for row in rows] == ["22:13:20", "22:13:21", "22:13:50"]
    raw = event_rows([timeline_entry(each) for each in (begun(), over(30), offered(1, "101"))], at(0)["at"])
    assert [row.at for row in raw] == ["+0.0", "+1.0", "+30.0"]


def test_a_click_says_that_it_came_from_the_crm() -> None:
    origin = Origin(kind="click", request_id="r", crm_call_id="c")
    said = told(begun(direction=Direction.OUTBOUND, caller="101", called="79161234567", origin=origin))
    assert said == ["Звонок из CRM: Анна Орлова (101) → +7 916 123-45-67"]


def test_a_transfer_and_presses_in_the_card() -> None:
    assert told(
        events.TransferStarted(**at(1), kind=TransferKind.BLIND, from_="101", to="102"),
        events.TransferEnded(**at(2), result=TransferResult.BUSY),
        events.HangUpPressed(**at(3), extension="101", own_leg=True),
        events.HangUpPressed(**at(4), extension="102", own_leg=False),
        lang="en",
    ) == [
        "Transfer: Анна Орлова (101) → Борис Климов (102)",
        "The transfer failed: busy",
        "Declined in the card: Анна Орлова (101)",
        "Ended in the card: Борис Климов (102)",
    ]


def test_a_leg_that_is_offered_again_for_a_better_reason_is_one_ringing() -> None:
    assert len(told(offered(1, "101"), offered(2, "101", via=Via.QUEUE, queue="sales"))) == 1


def test_every_kind_of_event_and_value_has_its_sentence() -> None:
    """A value that the core gets later must not silently vanish from the pages."""
    keys = {f"started_{each}" for each in Direction} | {f"leg_over_{each}" for each in LegResult}
    keys |= {f"transfer_{each}" for each in TransferKind} | {f"transferred_{each}" for each in TransferResult}
    keys |= {f"ended_{each}" for each in HangupBy}
    assert keys <= set(TIMELINE)
    assert set(VIA) == {each.value for each in Via}


@pytest.mark.parametrize("lang", [*LANGUAGES, "de"])
def test_ways_are_words(lang: str) -> None:
    assert "sales" in way("queue", "sales", lang)
    assert "—" in way("queue", None, lang)
    assert way("of a newer release", None, lang) == "of a newer release"


_SCALARS = st.one_of(st.none(), st.booleans(), st.floats(allow_nan=False), st.text(max_size=8), st.integers())
_NAMES = (
    "at", "leg", "target", "kind", "via", "queue", "result", "direction", "caller", "called", "person", "answered_by",
    "from_", "to", "hangup_by", "extension", "own_leg", "origin",
)  # fmt: skip
_ENTRIES = st.lists(
    st.fixed_dictionaries(
        {"event": st.sampled_from([e.__name__ for e in events.CallEvent.__subclasses__()] + ["OfTomorrow"])},
        optional=dict.fromkeys(_NAMES, _SCALARS),
    ),
    max_size=12,
)


@given(_ENTRIES, st.sampled_from(LANGUAGES))
def test_whatever_is_stored_can_be_shown(entries: list[dict[str, Any]], lang: str) -> None:
    rows = timeline_rows(entries, lang, UTC, str)
    assert len(event_rows(entries, Timestamp(0.0))) == len(entries)
    for row in rows:
        assert row.sentence
        assert "{" not in row.sentence or any("{" in str(value) for entry in entries for value in entry.values())


def test_who_was_chosen_as_the_client_is_told_with_who_chose() -> None:
    chosen = events.ClientChosen(
        **at(3), extension="101", kind=EntityKind.CONTACT, person="56", name="Мария <b>Петрова</b>"
    )
    assert told(begun(), chosen)[-1] == (
        "Выбрана карточка клиента: Мария <b>Петрова</b>. Выбрал сотрудник: Анна Орлова (101)"
    )


@pytest.mark.parametrize(
    ("event", "sentence"),
    [
        (events.ClientWaiting(**at(3)), "Клиент ответил и ждёт сотрудника"),
        (events.AnswererJudged(**at(3), answerer=Answerer.MACHINE, cause="MAXWORDS-3-3"), "Ответил автоответчик"),
        (events.AnswererJudged(**at(3), answerer=Answerer.PERSON), "Ответил человек"),
        (
            events.AnswererJudged(**at(3), answerer=Answerer.NOT_SURE),
            "Неясно, человек ответил или автоответчик",
        ),
        (events.MessageStarted(**at(3)), "Клиенту звучит сообщение"),
        (events.MessagePlayed(**at(3)), "Сообщение прозвучало до конца"),
        (events.MessagePlayed(**at(3), on_machine=True), "Сообщение оставлено на автоответчике"),
        (events.KeyPressed(**at(3), key="1"), "Клиент нажал клавишу 1"),
        (events.ClientTurnedAway(**at(3)), "Свободного сотрудника не нашлось, клиент отпущен"),
    ],
)
def test_what_a_campaign_s_client_met_is_told(event: events.CallEvent, sentence: str) -> None:
    assert told(begun(), event)[-1] == sentence
