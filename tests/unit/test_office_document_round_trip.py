"""What is read and written again is equal: documents as people write them, and settings that run."""

from __future__ import annotations

import json
import tomllib
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from integration.documents.office import office_document, read_office
from integration.domain.ids import AccountId, Extension, ManagerId, PbxId, Timestamp
from integration.domain.numbers.numbering import DialForm, DialRules
from integration.domain.settings import (
    AccountSettings,
    AfterNoAnswer,
    CardField,
    CardMoment,
    ClickRules,
    Employee,
    LineSettings,
    LogTarget,
    MadeByHand,
    NewClient,
    NewClientOf,
    PhoneType,
)

words = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=12)
maybe = st.none() | words
managers = st.none() | st.from_regex(r"[0-9]{1,9}", fullmatch=True).map(ManagerId)
dids = st.from_regex(r"[0-9]{3,12}", fullmatch=True)
extensions = st.from_regex(r"[0-9A-Za-z_.-]{1,40}", fullmatch=True)
ids = st.from_regex(r"[a-z0-9][a-z0-9-]{0,30}", fullmatch=True).filter(lambda text: text not in {"r", "api", "admin"})
prefixes = st.from_regex(r"[0-9]{0,6}", fullmatch=True)
codes = st.from_regex(r"[0-9*#]{0,10}", fullmatch=True)
options = st.dictionaries(words, st.recursive(st.none() | st.booleans() | st.integers(-9, 9) | words,
                                              lambda inner: st.lists(inner, max_size=2)), max_size=3)  # fmt: skip
lines = st.builds(
    LineSettings,
    process=st.booleans(),
    card=st.sampled_from(CardMoment),
    to_responsible=st.booleans(),
    responsible_seconds=st.integers(1, 120),
    notice_before=maybe,
    notice_no_answer=maybe,
    after_no_answer=st.sampled_from(AfterNoAnswer),
    group=words,
    missed_responsible=managers,
    outside_responsible=managers,
    unknown_lookup_seconds=st.floats(0, 1),
    reserve=maybe,
    missed_task=st.booleans(),
    respect_working_day=st.booleans(),
    transfer_changes_responsible=st.booleans(),
    new_client=st.sampled_from(NewClient),
    new_client_of=st.sampled_from(NewClientOf),
    task_deadline_seconds=st.integers(0, 86_400),
    calls_at_once=st.integers(0, 1000),
    source=maybe,
)
dials = st.builds(
    DialRules,
    area_code=st.from_regex(r"[0-9]{1,6}", fullmatch=True),
    local_length=st.none() | st.integers(3, 10),
    trunk_prefix=st.none() | prefixes,
    international_prefix=st.none() | prefixes,
    outside_prefix=codes,
    carrier_prefix=codes,
    click=st.sampled_from(DialForm),
) | st.just(DialRules())
people = st.lists(
    st.builds(
        Employee,
        extension=extensions.map(Extension),
        name=st.just("") | words,
        manager=managers,
        phone_type=st.sampled_from(PhoneType),
        mobile=maybe,
        is_absent=st.booleans(),
        absent_until=st.none() | st.integers(0, 4 * 10**9).map(lambda at: Timestamp(float(at))),
    ),
    max_size=4,
    unique_by=lambda each: each.extension,
)
offices = st.builds(
    AccountSettings,
    pbxs=st.just((PbxId("p"),)),
    account=ids.map(AccountId),
    country=st.sampled_from(["RU", "UA", "KZ", "GB"]),
    dial=dials,
    language=st.sampled_from(["ru", "uk", "en"]),
    time_zone=st.sampled_from(["", "Asia/Novosibirsk", "Europe/Kyiv"]),
    default_line=lines | st.just(LineSettings()),
    lines=st.dictionaries(dids, lines, max_size=3),
    employees=people.map(tuple),
    default_responsible=managers,
    made_by_hand=st.sampled_from(MadeByHand),
    never_clients=st.lists(st.sampled_from(["+79161234567", "+380671234567"]), unique=True).map(tuple),
    log_to=st.sampled_from(LogTarget),
    card_fields=st.lists(st.sampled_from(CardField), unique=True).map(tuple),
    clicks=st.builds(
        ClickRules,
        per_minute=st.integers(1, 10_000),
        account_per_minute=st.integers(1, 10_000),
        premium=st.booleans(),
        satellite=st.booleans(),
    ),
)


@settings(max_examples=80, deadline=None)
@given(offices, options, options)
def test_settings_come_back_from_their_document(
    office: AccountSettings, crm_options: dict[str, Any], pbx_options: dict[str, Any]
) -> None:
    document = office_document(
        office, crm="amocrm", crm_options=crm_options, pbx="asterisk", pbx_id=PbxId("p"), pbx_options=pbx_options
    )
    assert document.settings() == office
    carried = json.loads(json.dumps(document.plain()))
    again = read_office(carried, crm="other", pbx="other")
    assert again == document
    assert again.plain() == document.plain()
    assert (again.settings(), again.crm_options, again.pbx_options) == (office, crm_options, pbx_options)


PARTS: dict[str, st.SearchStrategy[Any]] = {
    "process": st.booleans(),
    "card": st.sampled_from(["never", "ringing", "answer"]),
    "responsible_seconds": st.integers(1, 120),
    "calls_at_once": st.integers(0, 1000),
    "unknown_lookup_seconds": st.sampled_from([0, 1, 0.25]),
    "source": st.just("") | words,
    "reserve": st.integers(1, 10**11) | words,
}
PERSON = {"manager": words, "name": words, "type": st.sampled_from(["sip", "web"]), "absent": st.booleans()}


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(dids | st.just("default"), st.fixed_dictionaries({}, optional=PARTS), max_size=4),
    st.dictionaries(extensions, st.integers(1, 10**7) | words | st.fixed_dictionaries({}, optional=PERSON), max_size=4),
)
def test_a_document_keeps_what_it_says_itself_also_where_that_is_what_it_would_inherit(
    line: dict[str, Any], employee: dict[str, Any]
) -> None:
    written = {"id": "acme", "line": line, "employee": employee}
    document = read_office(written, crm="amocrm", pbx="asterisk")
    plain = document.plain()
    assert {did: set(own) for did, own in plain["line"].items()} == {did: set(own) for did, own in line.items()}
    again = read_office(plain, crm="amocrm", pbx="asterisk")
    assert (again, again.plain(), again.settings()) == (document, plain, document.settings())


def test_the_document_of_a_file_is_short() -> None:
    file = tomllib.loads(
        """
        id = "acme"
        [line.default]
        responsible_seconds = 15
        [line."74950000001"]
        to_responsible = false
        [employee]
        101 = "610077"
        102 = {name = "Boris"}
        """
    )
    office = read_office(file, crm="amocrm", pbx="asterisk")
    written = office_document(
        office.settings(), crm="amocrm", crm_options={}, pbx="asterisk", pbx_id=office.pbx_id, pbx_options={}
    ).plain()
    assert written["line"] == file["line"]
    assert written["employee"] == {"101": {"manager": "610077"}, "102": {"name": "Boris"}}
