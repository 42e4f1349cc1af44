"""A campaign's calls on a real Asterisk with real SIP phones: who rings first, what each side sees, the result."""

from __future__ import annotations

import pytest

from integration.domain.calls.call import Direction, Disposition
from integration.domain.campaigns.model import Outcome
from integration.domain.campaigns.outcomes import outcome_of
from integration.ports.pbx import CampaignCall, FirstLeg
from tests.e2e.test_asterisk_adapter import both, on_lab
from tests.lab.fixtures import OpenOffice

pytestmark = pytest.mark.lab
CLIENT, COMPANY = "79161112233", "74950000777"
AS_IS = {"originate_context": "as-is"}  # a dialplan that shows the carrier who calls


def attempt(first: FirstLeg, name: str = "attempt-1", **changes: object) -> CampaignCall:
    values: dict[str, object] = {"number": f"+{CLIENT}", "extension": "102", "ring_seconds": 25, "caller_id": COMPANY}
    return CampaignCall(attempt=name, first=first, **{**values, **changes})  # type: ignore[arg-type]


@both
@pytest.mark.parametrize("first", list(FirstLeg))
async def test_the_carrier_sees_the_campaign_s_number_and_the_employee_the_client(
    open_office: OpenOffice, major: int, first: FirstLeg
) -> None:
    """It is one ordinary outgoing call, and a repeat of the same attempt rings nobody again."""
    office = await open_office(major)
    async with on_lab(office, **AS_IS) as (pbx, listener):
        office.phone("102").answers(after_seconds=0.2)
        office.carrier.answers(after_seconds=0.2)
        call_id = await pbx.dial(attempt(first))
        assert call_id == "office:dozvon-attempt-1"
        outside = await office.carrier.incoming()
        inside = await office.phone("102").incoming()
        assert (outside.other, outside.called) == (COMPANY, CLIENT)
        assert inside.other == CLIENT
        await listener.until(lambda: call_id in listener.calls and listener.calls[call_id].answered_at)
        assert await pbx.dial(attempt(first)) == call_id
        await pbx.hang_up(call_id)
        (call,) = await listener.ended()
        assert (call.direction, call.caller, call.called) == (Direction.OUTBOUND, "102", CLIENT)
        assert call.disposition is Disposition.ANSWERED


@both
@pytest.mark.parametrize("answers", [True, False])
async def test_the_employee_s_phone_is_asked_to_answer_by_itself_if_so_wanted(
    open_office: OpenOffice, major: int, answers: bool
) -> None:
    office = await open_office(major)
    async with on_lab(office, **AS_IS) as (pbx, _):
        await pbx.dial(attempt(FirstLeg.EMPLOYEE, answers_itself=answers))
        inside = await office.phone("102").incoming()
        assert (inside.header("Call-Info") == "<sip:dozvon>;answer-after=0") is answers
        assert ("alert-autoanswer" in inside.header("Alert-Info")) is answers


@both
async def test_with_the_client_first_no_employee_s_phone_rings_before_the_answer(
    open_office: OpenOffice, major: int
) -> None:
    office = await open_office(major)
    async with on_lab(office, **AS_IS) as (pbx, listener):
        office.phone("102").answers()
        office.carrier.rings()
        call_id = await pbx.dial(attempt(FirstLeg.CLIENT))
        client = await office.carrier.incoming()
        await listener.until(lambda: any(leg.ringing_at for c in listener.records for leg in c.legs))
        assert [leg.target for leg in listener.calls[call_id].legs] == [CLIENT]
        await client.answer()
        await office.phone("102").incoming()
        await listener.until(
            lambda: [leg.target for leg in listener.calls[call_id].legs if leg.answered_at][1:] == ["102"]
        )
        await client.hang_up()
        (call,) = await listener.ended()
        came = outcome_of(call)
        assert came.answered_at is not None
        assert came.connected_at is not None
        assert 0.0 <= came.connected_at - came.answered_at < 2.0


@both
@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        (486, Outcome.BUSY),
        (603, Outcome.REFUSED),
        (480, Outcome.UNREACHABLE),
        (404, Outcome.NO_SUCH_NUMBER),
        (503, Outcome.TRUNK_FAILED),
    ],
)
async def test_the_carrier_s_refusal_is_the_call_s_result(
    open_office: OpenOffice, major: int, code: int, wanted: Outcome
) -> None:
    office = await open_office(major)
    async with on_lab(office, **AS_IS) as (pbx, listener):
        office.carrier.rejects(code)
        await pbx.dial(attempt(FirstLeg.CLIENT))
        (call,) = await listener.ended()
        assert (call.direction, call.called, outcome_of(call).outcome) == (Direction.OUTBOUND, CLIENT, wanted)


@both
async def test_a_client_who_does_not_answer_is_given_up_after_the_ring_time(
    open_office: OpenOffice, major: int
) -> None:
    office = await open_office(major)
    async with on_lab(office, **AS_IS) as (pbx, listener):
        office.carrier.rings()
        await pbx.dial(attempt(FirstLeg.CLIENT, ring_seconds=2))
        (call,) = await listener.ended()
        assert outcome_of(call).outcome is Outcome.NO_ANSWER
