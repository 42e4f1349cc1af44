"""What a call makes of a number that nobody in the CRM has: the list first, then the line's rule and its direction."""

from __future__ import annotations

from dataclasses import replace

import pytest

from integration.domain.calls.call import Call, Direction
from integration.domain.crm.new_clients import new_client
from integration.domain.ids import AccountId, CallId, PbxId, Timestamp
from integration.domain.numbers.phone import PhoneNumber
from integration.domain.reasons import ReasonCode
from integration.domain.settings import AccountSettings, LineSettings, NewClient, NewClientOf

NUMBER = PhoneNumber("+79161234567", "89161234567")
DID = "74950000001"
INCOMING = Call(
    id=CallId("1"),
    account=AccountId("acme"),
    pbx=PbxId("pbx"),
    native_id="1",
    direction=Direction.INBOUND,
    caller=NUMBER.dialled,
    called=DID,
    started_at=Timestamp(0),
)
OUTGOING = replace(INCOMING, direction=Direction.OUTBOUND, caller="101", called=NUMBER.dialled)
AUTO, CONTACT, BY_HAND, NEVER = NewClient.AUTO, NewClient.CONTACT, NewClient.BY_HAND, NewClient.NEVER


@pytest.mark.parametrize(
    ("call", "way", "of", "expected", "why"),
    [
        (INCOMING, AUTO, NewClientOf.ALL, AUTO, None),
        (OUTGOING, AUTO, NewClientOf.ALL, AUTO, None),
        (INCOMING, CONTACT, NewClientOf.INBOUND, CONTACT, None),
        (OUTGOING, CONTACT, NewClientOf.INBOUND, BY_HAND, ReasonCode.NEW_CLIENT_BY_HAND),
        (INCOMING, AUTO, NewClientOf.OUTBOUND, BY_HAND, ReasonCode.NEW_CLIENT_BY_HAND),
        (OUTGOING, AUTO, NewClientOf.OUTBOUND, AUTO, None),
        (INCOMING, BY_HAND, NewClientOf.ALL, BY_HAND, ReasonCode.NEW_CLIENT_BY_HAND),
        (OUTGOING, NEVER, NewClientOf.INBOUND, NEVER, ReasonCode.NEW_CLIENT_NEVER),
    ],
)
def test_the_lines_rule_holds_for_the_calls_that_it_names(
    call: Call, way: NewClient, of: NewClientOf, expected: NewClient, why: ReasonCode | None
) -> None:
    settings = AccountSettings(
        account=call.account, default_line=LineSettings(new_client=way, new_client_of=of), employees=()
    )
    making = new_client(call, NUMBER, settings)
    assert making.way is expected
    assert (making.why.code if making.why else None) == why
    assert making.is_by_itself is (making.why is None)


@pytest.mark.parametrize("written", ["+7 916 123-45-67", "8(916)123-45-67", "9161234567", "моб. 8 916 123 45 67"])
def test_a_number_on_the_list_is_known_however_it_is_written(written: str) -> None:
    settings = AccountSettings(account=INCOMING.account, never_clients=("+74950000009", written))
    making = new_client(INCOMING, NUMBER, settings)
    assert making.way is NEVER
    assert making.why is not None
    assert (making.why.code, making.why.detail) == (ReasonCode.NUMBER_NEVER_CLIENT, {"number": "+79161234567"})


def test_each_line_has_its_own_rule() -> None:
    settings = AccountSettings(account=INCOMING.account, lines={DID: LineSettings(new_client=NEVER)})
    assert new_client(INCOMING, NUMBER, settings).way is NEVER
    assert new_client(replace(INCOMING, called="74950000002"), NUMBER, settings).way is AUTO
