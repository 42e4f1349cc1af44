"""An extension's part in a call, for every way in which a call reaches and leaves it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from integration.domain.calls.call import (
    Call,
    Direction,
    Disposition,
    Leg,
    LegKind,
    LegResult,
    Origin,
    Press,
    Transfer,
    TransferKind,
    TransferResult,
    Via,
)
from integration.domain.calls.participation import Came, Part, PartResult, PartState, extensions_of, part_of, parts_of
from integration.domain.ids import AccountId, CallId, LegId, PbxId, Timestamp

CLIENT, DID = "79161234567", "74950000001"


def leg(target: str, offered: float = 0.0, *, via: str = "direct", **fields: Any) -> Leg:
    """`answered`, `ended`: moments. The result of an ended leg is NOANSWER by default."""
    answered, ended = fields.pop("answered", None), fields.pop("ended", None)
    result = fields.pop("result", None)
    if result is None and answered is not None:
        result = LegResult.ANSWERED
    elif result is None and ended is not None:
        result = LegResult.NOANSWER
    kind = LegKind.EXTERNAL if len(target) > 5 else LegKind.EXTENSION
    return Leg(
        id=LegId(f"{target}@{offered}"),
        target=target,
        kind=kind,
        via=Via(via),
        offered_at=Timestamp(offered),
        answered_at=answered,
        ended_at=ended,
        result=result,
        **fields,
    )


def incoming(*legs: Leg, **fields: Any) -> Call:
    made = Call(
        id=CallId("pbx:1"),
        account=AccountId("acme"),
        pbx=PbxId("pbx"),
        native_id="1",
        direction=Direction.INBOUND,
        caller=CLIENT,
        called=DID,
        started_at=Timestamp(0.0),
        legs=legs,
    )
    return replace(made, **fields)


def talking(person: str, at: float, *legs: Leg, **fields: Any) -> Call:
    """This person has had the client since then."""
    fields = {"answered_at": at, "answered_by": person, "final_responsible": person, "talk_since": at} | fields
    return incoming(*legs, **fields)


def outgoing(*legs: Leg, **fields: Any) -> Call:
    return incoming(*legs, **{"direction": Direction.OUTBOUND, "caller": "101", "called": CLIENT} | fields)


def transfer(from_: str, to: str, at: float, result: TransferResult | None = None, **fields: Any) -> Transfer:
    kind = fields.pop("kind", TransferKind.BLIND)
    return Transfer(kind=kind, from_=from_, to=to, at=Timestamp(at), result=result)


def part(call: Call, extension: str) -> Part:
    found = part_of(call, extension)
    assert found == parts_of(call)[extension]
    assert found is not None
    return found


def ended(call: Call, extension: str) -> tuple[PartResult | None, float | None, str | None]:
    found = part(call, extension)
    assert found.state is PartState.ENDED
    return found.result, found.ended_at, found.colleague


def came(call: Call, extension: str) -> tuple[PartState, float | None, Came | None, str | None]:
    found = part(call, extension)
    return found.state, found.since, found.came, found.came_from


MISSED: dict[str, Any] = {"ended_at": Timestamp(30.0), "disposition": Disposition.MISSED}
PRESSED = (Press(extension="101", at=Timestamp(2.0), own_leg=True),)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        # rang here, and somebody else answered
        (
            talking("102", 5, leg("101", ended=5), leg("102", answered=5)),
            (PartResult.ANSWERED_ELSEWHERE, 5, "102"),
        ),
        # a colleague's mobile, at the trunk
        (
            talking("102", 9, leg("101", ended=5), leg(CLIENT + "0", 6, answered=9), answered_by=CLIENT + "0"),
            (PartResult.ANSWERED_ELSEWHERE, 5, CLIENT + "0"),
        ),
        # shows who answered, not who has it after a transfer
        (
            talking(
                "103",
                5,
                leg("101", ended=5),
                leg("102", answered=5, ended=20),
                leg("103", 20, answered=22, via="transfer"),
                transfers=(transfer("102", "103", 20, TransferResult.ANSWERED),),
            ),
            (PartResult.ANSWERED_ELSEWHERE, 5, "102"),
        ),
        # a conference room is not a person
        (talking("", 5, leg("101", ended=4), answered_by="conference:800"), (PartResult.ANSWERED_ELSEWHERE, 4, None)),
        # not answered here; the call goes on
        (incoming(leg("101", ended=10), leg("102", 10)), (PartResult.PASSED_ON, 10, None)),
        # nobody answered: the moment is the call's end
        (incoming(leg("101", ended=10), **MISSED), (PartResult.MISSED, 30, None)),
        (incoming(leg("101", ended=30, result=LegResult.CANCELLED), **MISSED), (PartResult.MISSED, 30, None)),
        # declined at the phone, and in the card
        (incoming(leg("101", ended=2, result=LegResult.REJECTED), leg("102")), (PartResult.DECLINED, 2, None)),
        (incoming(leg("101", ended=2), leg("102"), presses=PRESSED), (PartResult.DECLINED, 2, None)),
        (incoming(leg("101", ended=2), presses=PRESSED, **MISSED), (PartResult.DECLINED, 2, None)),
        # declined once; the second time it rang out
        (
            incoming(leg("101", ended=2), leg("101", 10, ended=20), presses=PRESSED, **MISSED),
            (PartResult.MISSED, 30, None),
        ),
        # a busy phone that did ring
        (
            incoming(leg("101", ended=3, ringing_at=Timestamp(1.0), result=LegResult.BUSY), **MISSED),
            (PartResult.MISSED, 30, None),
        ),
        # talked to the end
        (
            talking("101", 5, leg("101", answered=5, ended=60), ended_at=60.0, disposition=Disposition.ANSWERED),
            (PartResult.ANSWERED, 60, None),
        ),
        # transferred, and the colleague's phone rings
        (
            talking(
                "101",
                5,
                leg("101", answered=5, ended=20),
                leg("102", 20, via="transfer"),
                talk_since=None,
                transfers=(transfer("101", "102", 20),),
            ),
            (PartResult.TRANSFERRED, 20, "102"),
        ),
        # transferred, and the colleague talks
        (
            talking(
                "102",
                5,
                leg("101", answered=5, ended=20),
                leg("102", 20, answered=25, via="transfer"),
                answered_by="101",
                transfers=(transfer("101", "102", 20, TransferResult.ANSWERED),),
            ),
            (PartResult.TRANSFERRED, 20, "102"),
        ),
        # parked: nobody has it
        (
            talking(
                "101",
                5,
                leg("101", answered=5, ended=20),
                talk_since=None,
                transfers=(transfer("101", "701", 20, kind=TransferKind.PARK),),
            ),
            (PartResult.TRANSFERRED, 20, None),
        ),
        # was consulted by a colleague, and left
        (
            talking("102", 5, leg("102", answered=5), leg("101", 10, answered=12, ended=20, via="consultation")),
            (PartResult.CONSULTED, 20, "102"),
        ),
    ],
)
def test_what_came_of_it(call: Call, expected: tuple[PartResult, float, str | None]) -> None:
    assert ended(call, "101") == expected


@pytest.mark.parametrize("result", [LegResult.BUSY, LegResult.UNAVAILABLE, LegResult.FAILED, LegResult.FORWARDED])
def test_a_phone_that_never_rang_has_no_part(result: LegResult) -> None:
    call = incoming(leg("101", ended=0, result=result), leg("102"))
    assert list(parts_of(call)) == ["102"]
    assert part_of(call, "101") is None
    assert part_of(call, "105") is None
    assert part(call, "102").state is PartState.RINGING


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (incoming(leg("101", 3)), (PartState.RINGING, 3, None, None)),
        # answered, but the client is not connected yet (a confirmation, a greeting)
        (incoming(leg("101", 3, answered=5)), (PartState.RINGING, 3, None, None)),
        (talking("101", 5, leg("101", answered=5)), (PartState.TALKING, 5, None, None)),
        # a colleague has answered, and this leg has not ended yet: not my talk
        (talking("102", 5, leg("101"), leg("102", answered=5)), (PartState.RINGING, 0, None, None)),
        # rings again after it was declined or rang out, as in a queue
        (incoming(leg("101", ended=5), leg("101", 10)), (PartState.RINGING, 10, None, None)),
        # a blind transfer rings here
        (
            talking(
                "102",
                5,
                leg("102", answered=5, ended=60),
                leg("101", 60, via="transfer"),
                talk_since=None,
                transfers=(transfer("102", "101", 60),),
            ),
            (PartState.RINGING, 60, Came.TRANSFER, "102"),
        ),
        # a transfer to a group with me in it
        (
            talking(
                "102",
                5,
                leg("102", answered=5, ended=60),
                leg("101", 60, via="transfer"),
                talk_since=None,
                transfers=(transfer("102", "600", 60),),
            ),
            (PartState.RINGING, 60, Came.TRANSFER, "102"),
        ),
        # nobody answered my transfer: it came back
        (
            talking(
                "101",
                5,
                leg("101", answered=5, ended=60),
                leg("102", 60, ended=80, via="transfer"),
                leg("101", 80, via="transfer"),
                talk_since=None,
                transfers=(transfer("101", "102", 60, TransferResult.NOANSWER),),
            ),
            (PartState.RINGING, 80, Came.RETURN, "102"),
        ),
        # consulted by a colleague who has the client
        (
            talking("102", 5, leg("102", answered=5), leg("101", 20, via="consultation")),
            (PartState.RINGING, 20, Came.CONSULTATION, "102"),
        ),
        (
            talking("102", 5, leg("102", answered=5), leg("101", 20, answered=25, via="consultation")),
            (PartState.TALKING, 25, Came.CONSULTATION, "102"),
        ),
        # joined after a consultation that the phone made as a separate call
        (
            talking(
                "101",
                5,
                leg("102", answered=5, ended=40),
                transfers=(transfer("102", "101", 40, TransferResult.COMPLETED, kind=TransferKind.ATTENDED),),
            ),
            (PartState.TALKING, 5, Came.TRANSFER, "102"),
        ),
        # a colleague's phone forwards its calls here
        (
            incoming(leg("102", ended=1, result=LegResult.FORWARDED), leg("101", 1, via="forward")),
            (PartState.RINGING, 1, Came.FORWARD, "102"),
        ),
        (incoming(leg("101", 1, via="forward")), (PartState.RINGING, 1, Came.FORWARD, None)),
        # picked up a colleague's ringing call
        (
            talking(
                "101",
                7,
                leg("102", ended=7, result=LegResult.PICKED_UP_ELSEWHERE),
                leg("101", 7, answered=7, via="pickup"),
            ),
            (PartState.TALKING, 7, Came.PICKUP, "102"),
        ),
        # parked by a colleague, fetched here
        (
            talking(
                "101",
                5,
                leg("102", answered=5, ended=20),
                leg("101", 40, answered=40, via="parking"),
                transfers=(transfer("102", "701", 20, TransferResult.ANSWERED, kind=TransferKind.PARK),),
            ),
            (PartState.TALKING, 40, Came.PARKING, "102"),
        ),
    ],
)
def test_what_goes_on_and_from_whom_it_came(
    call: Call, expected: tuple[PartState, float, Came | None, str | None]
) -> None:
    assert came(call, "101") == expected


CLICK = Origin(kind="click", request_id="a")


@pytest.mark.parametrize(
    ("call", "state", "since"),
    [
        (outgoing(leg(CLIENT)), PartState.RINGING, 0),
        (outgoing(leg("101", via="click"), origin=CLICK), PartState.RINGING, 0),
        (outgoing(leg("101", via="click", answered=3), leg(CLIENT, 3), origin=CLICK), PartState.RINGING, 0),
        (
            outgoing(
                leg("101", via="click", answered=3),
                leg(CLIENT, 3, answered=9),
                answered_at=9.0,
                final_responsible="101",
                talk_since=9.0,
            ),
            PartState.TALKING,
            9,
        ),
    ],
)
def test_a_call_of_ones_own(call: Call, state: PartState, since: float) -> None:
    found = part(call, "101")
    assert (found.state, found.since, found.is_own) == (state, since, True)


@pytest.mark.parametrize("disposition", [d for d in Disposition if d is not Disposition.ANSWERED])
def test_the_end_of_an_unanswered_call_of_ones_own(disposition: Disposition) -> None:
    call = outgoing(leg(CLIENT, ended=20), ended_at=Timestamp(20.0), disposition=disposition)
    assert ended(call, "101") == (PartResult(disposition), 20, None)
    pressed = replace(call, presses=(Press(extension="101", at=Timestamp(19.0), own_leg=False),))
    assert ended(pressed, "101")[0] is PartResult.CANCELLED


def test_an_outgoing_call_that_was_handed_over() -> None:
    call = outgoing(
        leg(CLIENT, answered=9),
        leg("102", 60, via="transfer"),
        answered_at=9.0,
        final_responsible="101",
        transfers=(transfer("101", "102", 60),),
    )
    assert list(parts_of(call)) == ["101", "102"]
    assert extensions_of(call) == ("101", "102")
    assert came(call, "102") == (PartState.RINGING, 60, Came.TRANSFER, "101")
    assert ended(call, "101") == (PartResult.TRANSFERRED, 60, "102")
    assert not part(call, "102").is_own


def test_only_who_has_the_client_may_end_the_talk() -> None:
    call = talking("102", 5, leg("102", answered=5), leg("101", 20, answered=25, via="consultation"))
    assert [part(call, extension).holds_client for extension in ("101", "102")] == [False, True]


# ---- the rules one by one --------------------------------------------------------------------------------------------


def press(extension: str, at: float, *, own_leg: bool = True) -> Press:
    return Press(extension=extension, at=Timestamp(at), own_leg=own_leg)


@pytest.mark.parametrize(
    ("presses", "result"),
    [
        ((), PartResult.PASSED_ON),
        ((press("101", 9.9),), PartResult.PASSED_ON),  # declined an earlier offer
        ((press("101", 10.0),), PartResult.DECLINED),
        ((press("101", 11.0),), PartResult.DECLINED),
        ((press("102", 11.0),), PartResult.PASSED_ON),  # somebody else declined
        ((press("101", 11.0, own_leg=False),), PartResult.PASSED_ON),  # it ended the call, not the ringing here
        ((press("101", 9.9), press("102", 11.0), press("101", 11.0)), PartResult.DECLINED),
    ],
)
def test_who_presses_while_it_rings_here_declines(presses: tuple[Press, ...], result: PartResult) -> None:
    call = incoming(leg("101", 10, ended=12), leg("102", 12), presses=presses)
    assert ended(call, "101") == (result, 12, None)


@pytest.mark.parametrize(
    ("answers", "taker"),
    [
        ((leg("102", 0, answered=9.9),), "1xx"),  # before it rang here: as the call says
        ((leg("102", 0, answered=10.0),), "102"),
        ((leg("103", 12, answered=20.0), leg("102", 0, answered=11.0)), "102"),
        ((leg("103", 0, answered=11.0), leg("102", 12, answered=20.0)), "103"),
        ((leg("103", 0, answered=11.0), leg("102", 0, answered=11.0)), "103"),
        ((leg("102", 0, ended=12.0),), "1xx"),
    ],
)
def test_the_first_to_answer_since_it_rang_here_took_it(answers: tuple[Leg, ...], taker: str) -> None:
    call = talking("1xx", 5, leg("101", 10, ended=30), *answers)
    assert ended(call, "101") == (PartResult.ANSWERED_ELSEWHERE, 30, taker)


def failed_transfer(result: TransferResult) -> Call:
    """101 has sent the client to 102, and has it back, or not yet."""
    return talking("101", 5, leg("101", answered=5), talk_since=None, transfers=(transfer("101", "102", 20, result),))


@pytest.mark.parametrize(
    ("call", "state"),
    [
        (talking("101", 5, leg("101", answered=5)), PartState.TALKING),
        (talking("101", 5, leg("101", answered=5), talk_since=None), PartState.TALKING),  # held by the PBX
        (failed_transfer(TransferResult.NOANSWER), PartState.TALKING),
        (failed_transfer(TransferResult.ANSWERED), PartState.ENDED),
        (failed_transfer(TransferResult.COMPLETED), PartState.ENDED),
        (
            replace(failed_transfer(TransferResult.ANSWERED), talk_since=Timestamp(40.0)),
            PartState.TALKING,
        ),  # it is back
        (
            talking("101", 5, leg("101", answered=5), talk_since=None, transfers=(transfer("102", "101", 20),)),
            PartState.TALKING,
        ),
        (
            talking("101", 5, leg("101", answered=5), talk_since=None, transfers=(transfer("101", "102", 20),)),
            PartState.ENDED,
        ),
    ],
)
def test_who_hands_the_client_over_talks_until_then_and_when_it_is_back(call: Call, state: PartState) -> None:
    assert part(call, "101").state is state


@pytest.mark.parametrize("result", [TransferResult.ANSWERED, None])
def test_a_transfer_by_somebody_else_makes_no_transferer_of_who_was_asked(result: TransferResult | None) -> None:
    call = talking(
        "103",
        5,
        leg("102", answered=5, ended=30),
        leg("101", 10, answered=12, ended=20, via="consultation"),
        leg("103", 30, answered=33, via="transfer"),
        transfers=(transfer("102", "103", 30, result),),
    )
    assert ended(call, "101") == (PartResult.CONSULTED, 20, "103")


@pytest.mark.parametrize(
    ("call", "since", "ended_at", "holds_client"),
    [
        (talking("101", 5, leg("101", 2, answered=4, ended=60), ended_at=60.0), 5, 60, True),  # a confirmation between
        (talking("101", 5, leg("101", 2, answered=9, ended=60), ended_at=60.0), 9, 60, True),  # fetched from another
        (talking("101", 5, ended_at=60.0), 5, 60, True),
        (talking("102", 5, leg("101", 2, answered=9, ended=60), ended_at=80.0), 9, 60, False),
        (talking("102", 5, leg("101", 2, answered=3, ended=4), ended_at=80.0), 5, 5, False),
    ],
)
def test_a_part_that_is_over_says_since_when_and_how_long_it_talked(
    call: Call, since: float, ended_at: float, holds_client: bool
) -> None:
    found = part(call, "101")
    assert (found.state, found.since, found.ended_at, found.holds_client) == (
        PartState.ENDED, since, ended_at, holds_client,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("call", "extension", "is_own"),
    [
        (outgoing(leg("101", 1, via="click", answered=3), leg(CLIENT, 3), origin=CLICK), "101", True),
        (outgoing(leg("102", 1, via="click"), origin=CLICK), "102", True),  # the PBX shows another extension
        (
            outgoing(leg("102", 1, via="click", ended=4), leg("102", 5, via="click", answered=6), origin=CLICK),
            "102",
            True,  # rung twice
        ),
        (outgoing(leg("102", 1, via="click"), leg("103", 1, via="click"), origin=CLICK), "103", True),  # a group rings
        (outgoing(leg("101", 1, via="click", answered=3), leg("103", 1, via="click", ended=3)), "103", False),
        (outgoing(leg("102", 1, via="click", answered=3), leg("103", 1, via="click", ended=3)), "102", True),
        (outgoing(leg("102", 1, via="click", ended=4), leg("102", 8, via="transfer"), origin=CLICK), "102", True),
        (outgoing(leg(CLIENT, answered=9), leg("102", 20, via="transfer")), "102", False),
        (outgoing(leg(CLIENT, answered=9), answered_at=9.0, final_responsible="102"), "102", False),  # without a leg
        (incoming(leg("101", 1, via="click")), "101", False),
    ],
)
def test_an_outgoing_call_is_that_of_who_placed_it(call: Call, extension: str, is_own: bool) -> None:
    assert part(call, extension).is_own is is_own


@pytest.mark.parametrize(
    ("call", "since"),
    [
        (outgoing(leg("101", 2, via="click", answered=3), origin=CLICK), 0),
        (outgoing(), 0),
        (incoming(leg("101", 2, answered=3)), 2),
    ],
)
def test_until_the_client_is_reached_it_rings_and_nobody_has_the_client(call: Call, since: float) -> None:
    found = part(call, "101")
    assert (found.state, found.since, found.holds_client) == (PartState.RINGING, since, False)


def test_an_incoming_call_that_rings_nowhere_is_nobodys() -> None:
    assert part_of(incoming(final_responsible="101"), "101") is None


@pytest.mark.parametrize(
    ("call", "came_from"),
    [
        (talking("101", 5, transfers=(transfer("102", "101", 20, TransferResult.COMPLETED),)), "102"),
        (talking("101", 5, transfers=(transfer("102", "101", 20, TransferResult.NOANSWER),)), None),
        (talking("101", 5, transfers=(transfer("102", "101", 20),)), None),
        (talking("101", 5, transfers=(transfer("102", "103", 20, TransferResult.ANSWERED),)), None),
        (
            talking(
                "101",
                5,
                transfers=(
                    transfer("102", "101", 20, TransferResult.ANSWERED),
                    transfer("101", "103", 30, TransferResult.ANSWERED),
                    transfer("104", "101", 40, TransferResult.ANSWERED),
                ),
            ),
            "104",
        ),
    ],
)
def test_who_has_the_client_without_a_leg_has_it_from_who_handed_it_over(call: Call, came_from: str | None) -> None:
    expected = (Came.TRANSFER, came_from) if came_from else (None, None)
    assert came(call, "101")[2:] == expected


@pytest.mark.parametrize(
    ("transfers", "came_from"),
    [
        ((), None),
        ((transfer("102", "101", 20),), "102"),
        ((transfer("102", "600", 20),), "102"),  # a group of which 101 is one
        ((transfer("102", "101", 20), transfer("103", "104", 30)), "102"),
        ((transfer("103", "101", 10), transfer("102", "101", 20)), "102"),
        ((transfer("103", "104", 10), transfer("102", "600", 20)), "102"),
    ],
)
def test_a_transfer_comes_from_who_made_the_newest_to_this_extension(
    transfers: tuple[Transfer, ...], came_from: str | None
) -> None:
    call = talking("102", 5, leg("101", 30, via="transfer"), talk_since=None, transfers=transfers)
    assert came(call, "101") == (PartState.RINGING, 30, Came.TRANSFER, came_from)


def test_a_forwarded_call_comes_from_the_nearest_phone_before_it_that_forwards() -> None:
    away = [leg(n, at, ended=at, result=LegResult.FORWARDED) for n, at in (("102", 0), ("103", 1), ("104", 3))]
    call = incoming(*away[:2], leg("101", 2, via="forward"), away[2])
    assert came(call, "101") == (PartState.RINGING, 2, Came.FORWARD, "103")
