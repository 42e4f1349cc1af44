"""Keys of programs: their text, what refuses them, and that they may never do more than their makers."""

from __future__ import annotations

import re
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from integration.domain.access import (
    KEY_PERMISSIONS,
    OF_WHOLE_INSTALLATION,
    PERMISSIONS,
    Permission,
    allowed_everywhere,
    may,
    viewer_by_key,
    viewer_from_crm,
    viewer_of,
)
from integration.domain.administrators import Administrator, AdministratorId, Role
from integration.domain.api_keys import (
    KEY_BYTES,
    ApiKey,
    ApiKeyId,
    KeyAccess,
    KeyRefusal,
    access_of,
    hint_of,
    key_text,
    refusal_of_key,
    refusal_of_text,
)
from integration.domain.ids import AccountId, Timestamp
from integration.domain.settings_changes import BY_FILE, Author, AuthorKind
from integration.texts import LANGUAGES
from integration.texts.changes import author

NOW = Timestamp(1_800_000_000.0)
ACME, OTHER = AccountId("acme"), AccountId("other")
ANNA = Administrator(
    id=AdministratorId("a" * 32), name="Анна", login="anna", role=Role.OWNER, language="ru", created_at=NOW
)
BY_ANNA = Author(kind=AuthorKind.ADMINISTRATOR, administrator=ANNA.id, name="Анна", address="192.0.2.1")
KEY = ApiKey(
    id=ApiKeyId("b" * 32), name="Reports", hint="dzv_AbCd", office=None, access=KeyAccess.WRITE, maker=ANNA.id,
    made_by="Анна", created_at=NOW,
)  # fmt: skip

random_bytes = st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES)
offices = st.one_of(st.none(), st.frozensets(st.sampled_from([ACME, OTHER, AccountId("third")])))
people = (
    st.builds(lambda role, offices: replace(ANNA, role=role, offices=offices), st.sampled_from(Role), offices)
    | st.none()
)
keys = st.builds(
    lambda office, access: replace(KEY, office=office, access=access),
    st.sampled_from([None, ACME, OTHER]),
    st.sampled_from(KeyAccess),
)


@given(random_bytes)
def test_a_key_is_told_from_other_texts_by_its_beginning_and_its_length(random: bytes) -> None:
    text = key_text(random)
    assert re.fullmatch(r"dzv_[0-9A-Za-z]{46}", text)
    assert refusal_of_text(text) is None
    assert text.startswith(hint_of(text))
    assert len(hint_of(text)) == 8


@given(
    random_bytes, st.integers(4, 49), st.sampled_from("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
)
def test_one_wrong_character_is_a_typo_not_an_unknown_key(random: bytes, place: int, wrong: str) -> None:
    text = key_text(random)
    typed = text[:place] + wrong + text[place + 1 :]
    assert refusal_of_text(typed) is (None if typed == text else KeyRefusal.MISTYPED)


@given(st.text(max_size=80))
def test_any_other_text_is_no_key(text: str) -> None:
    assert refusal_of_text(text) in (KeyRefusal.NO_KEY, KeyRefusal.MISTYPED)
    assert refusal_of_text(key_text(b"x" * KEY_BYTES)[:-1]) is KeyRefusal.NO_KEY
    assert refusal_of_text(key_text(b"x" * KEY_BYTES) + "\n") is KeyRefusal.NO_KEY


def test_different_random_bytes_make_different_keys() -> None:
    assert key_text(b"\0" * KEY_BYTES) != key_text(b"\0" * (KEY_BYTES - 1) + b"\1")


def test_a_key_works_until_it_is_revoked_or_over_or_its_maker_is_switched_off() -> None:
    assert refusal_of_key(KEY, NOW, is_maker_active=True) is None
    ends = replace(KEY, until=Timestamp(NOW + 1))
    assert refusal_of_key(ends, NOW, is_maker_active=True) is None
    assert refusal_of_key(ends, Timestamp(NOW + 1), is_maker_active=True) is KeyRefusal.ENDED
    assert refusal_of_key(replace(ends, revoked_at=NOW), NOW, is_maker_active=True) is KeyRefusal.REVOKED
    assert refusal_of_key(KEY, NOW, is_maker_active=False) is KeyRefusal.MAKER_OFF


def test_an_access_of_a_later_release_may_the_least() -> None:
    assert access_of("everything") is KeyAccess.READ


@given(keys, people)
def test_a_key_may_never_more_than_its_maker_and_only_rest(key: ApiKey, maker: Administrator | None) -> None:
    own, by_key = viewer_of(maker, BY_ANNA), viewer_by_key(key, maker, BY_ANNA)
    for permission in Permission:
        for office in (None, ACME, OTHER):
            assert not may(by_key, permission, office) or may(own, permission, office)
            if key.office is not None and office not in (None, key.office):
                assert not may(by_key, permission, office)
    assert by_key.permissions <= KEY_PERMISSIONS[KeyAccess.WRITE]
    assert Permission.MANAGE_KEYS not in by_key.permissions, "a key makes no keys"
    if key.access is KeyAccess.READ:
        assert not may(by_key, Permission.CHANGE_OFFICE, ACME)
    if key.office is not None:
        assert allowed_everywhere(by_key) == frozenset()


@given(people.filter(lambda each: each is not None))
def test_the_word_of_a_crm_opens_its_office_only(person: Administrator) -> None:
    viewer = viewer_from_crm(person, BY_ANNA, ACME)
    assert not may(viewer, Permission.SEE_OFFICE, OTHER)
    assert may(viewer, Permission.SEE_OFFICE, ACME) is may(viewer_of(person, BY_ANNA), Permission.SEE_OFFICE, ACME)
    assert allowed_everywhere(viewer) == frozenset()
    assert not may(viewer, Permission.ADD_OFFICE)
    assert not may(viewer, Permission.MANAGE_ADMINISTRATORS)


def test_what_concerns_all_offices_needs_the_sight_of_all() -> None:
    owner = replace(ANNA, offices=frozenset({ACME}))  # no page makes one, a database may hold one
    viewer = viewer_of(owner, BY_ANNA)
    assert {each for each in PERMISSIONS[Role.OWNER] if not may(viewer, each)} == OF_WHOLE_INSTALLATION
    assert allowed_everywhere(viewer_of(ANNA, BY_ANNA)) == OF_WHOLE_INSTALLATION
    administrator = viewer_of(replace(ANNA, role=Role.ADMINISTRATOR), BY_ANNA)
    assert allowed_everywhere(administrator) == {Permission.CHANGE_INSTALLATION}


def test_the_history_names_the_key_and_who_made_it() -> None:
    by_key = replace(BY_ANNA, key="Reports")
    assert author(by_key, "en") == "API key “Reports”, made by Анна, from 192.0.2.1"
    assert author(by_key, "en", BY_ANNA) == author(by_key, "en"), "its maker did not do it in person"
    by_file = replace(by_key, administrator=BY_FILE, name="")
    for language in LANGUAGES:
        assert "Reports" in author(by_file, language)
        assert "None" not in author(by_file, language)
    assert "Reports" in str(by_key)
