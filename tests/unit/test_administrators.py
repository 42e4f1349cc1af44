"""People who sign in: their names, logins and roles, passwords that are refused, and who may what."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.domain.access import (
    PERMISSIONS,
    Granted,
    Permission,
    Refusal,
    Refused,
    Viewer,
    allows,
)
from integration.domain.administrators import (
    LONGEST_LOGIN,
    LONGEST_NAME,
    Administrator,
    AdministratorId,
    NameProblem,
    Role,
    clean_login,
    clean_name,
    is_last_owner,
    login_key,
    role_of,
)
from integration.domain.ids import AccountId, Timestamp
from integration.domain.passwords import Weakness, weakness_of
from integration.domain.settings_changes import BY_FILE, Author, AuthorKind
from integration.process.config import Config, parse
from integration.process.setup_address import setup_address, setup_text
from integration.texts import LANGUAGES
from integration.texts.changes import author
from integration.texts.pages import texts
from integration.web.browser_names import browser_name
from integration.web.pages.trouble_texts import LOGIN_TAKEN, WRONG_PRESENT, by_field

WHO = Author(kind=AuthorKind.ADMINISTRATOR, session="3fa2c1", address="10.0.0.5")


# ---- names and logins


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("Ольга", "Ольга"),
        ("  Ольга   Петрова ", "Ольга Петрова"),
        ("e\u0301", "é"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("", NameProblem.NAME_MISSING),
        ("   ", NameProblem.NAME_MISSING),
        ("\u200b", NameProblem.NAME_INVISIBLE),
        ("Olga\u202egro", NameProblem.NAME_INVISIBLE),
        ("Olga\nPetrova", NameProblem.NAME_INVISIBLE),
        ("Olga\0", NameProblem.NAME_INVISIBLE),
        ("\ud800", NameProblem.NAME_INVISIBLE),
        ("я" * LONGEST_NAME, "я" * LONGEST_NAME),
        ("я" * (LONGEST_NAME + 1), NameProblem.NAME_LONG),
    ],
)
def test_names(typed: str, stored: str) -> None:
    assert clean_name(typed) == stored


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("olga@example.com", "olga@example.com"),
        (" Olga ", "Olga"),
        ("", NameProblem.LOGIN_MISSING),
        ("ol\u200dga", NameProblem.LOGIN_INVISIBLE),  # looks like `olga`
        ("ol\tga", NameProblem.LOGIN_INVISIBLE),
        ("\u202eolga", NameProblem.LOGIN_INVISIBLE),
        ("x" * (LONGEST_LOGIN + 1), NameProblem.LOGIN_LONG),
        ("\ufdfa" * 10, NameProblem.LOGIN_LONG),  # NFKC makes 18 characters of one
    ],
)
def test_logins(typed: str, stored: str) -> None:
    assert clean_login(typed) == stored


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("OLGA", "olga"),
        ("Straße", "STRASSE"),
        ("ｏｌｇａ", "olga"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος"),
        ("é", "e\u0301"),
        (" a  b", "A B"),
    ],
)
def test_spellings_of_one_login(one: str, other: str) -> None:
    assert login_key(one) == login_key(other)


@given(st.text())
def test_a_folded_login_folds_to_itself_and_a_stored_one_can_be_stored_again(text: str) -> None:
    assert login_key(login_key(text)) == login_key(text)
    login = clean_login(text)
    if not isinstance(login, NameProblem):
        assert clean_login(login) == login
        assert login_key(login) == login_key(text)
        assert not any(unicodedata.category(c) in ("Cc", "Cf", "Cs") for c in login)
    name = clean_name(text)
    if not isinstance(name, NameProblem):
        assert clean_name(name) == name
        assert not any(unicodedata.category(c) in ("Cc", "Cs") for c in name)


def person(number: int, role: Role = Role.OWNER, *, is_active: bool = True) -> Administrator:
    return Administrator(
        id=AdministratorId(str(number)), name="n", login="l", role=role, language="en", created_at=Timestamp(0.0),
        is_active=is_active,
    )  # fmt: skip


def test_the_last_active_owner() -> None:
    alone = [person(1), person(2, is_active=False), person(3, Role.ADMINISTRATOR)]
    assert [is_last_owner(each, alone) for each in alone] == [True, False, False]
    two = [person(1), person(2)]
    assert [is_last_owner(each, two) for each in two] == [False, False]


def test_a_role_of_a_later_release_may_as_little_as_our_smallest() -> None:
    assert role_of("auditor") is Role.SUPERVISOR
    assert all(PERMISSIONS[Role.SUPERVISOR] <= PERMISSIONS[role] for role in Role)
    assert [role_of(role.value) for role in Role] == list(Role)


# ---- who may


def test_an_owner_may_everything_and_an_administrator_everything_but_administrators() -> None:
    assert set(PERMISSIONS) == set(Role)
    for permission in Permission:
        owner, other = (Viewer(author=WHO, permissions=PERMISSIONS[role]) for role in (Role.OWNER, Role.ADMINISTRATOR))
        assert allows(owner, permission) == Granted()
        is_about_people = permission is Permission.MANAGE_ADMINISTRATORS
        assert allows(other, permission) == (Refused(Refusal.NOT_ALLOWED) if is_about_people else Granted())


def test_a_supervisor_sees_calls_and_runs_campaigns_and_nothing_else() -> None:
    supervisor = Viewer(author=WHO, permissions=PERMISSIONS[Role.SUPERVISOR])
    assert {each for each in Permission if allows(supervisor, each) == Granted()} == {
        Permission.SEE_START, Permission.OWN_PROFILE, Permission.SEE_CALLS, Permission.SEE_CAMPAIGNS,
        Permission.CHANGE_CAMPAIGNS,
    }  # fmt: skip


def test_of_another_office_one_does_not_learn_that_it_exists() -> None:
    own, other = AccountId("own"), AccountId("other")
    viewer = Viewer(author=WHO, offices=frozenset({own}), permissions=frozenset({Permission.SEE_OFFICE}))
    assert allows(viewer, Permission.SEE_OFFICE, own) == Granted()
    assert allows(viewer, Permission.CHANGE_OFFICE, own) == Refused(Refusal.NOT_ALLOWED)
    for permission in (Permission.SEE_OFFICE, Permission.CHANGE_OFFICE):
        assert allows(viewer, permission, other) == Refused(Refusal.NOT_THEIRS)


def test_what_all_offices_share_is_changed_by_those_who_see_all_of_them() -> None:
    """Else the administrator of one office could move the address of the others, or make an owner of all."""
    of_one = Viewer(author=WHO, offices=frozenset({AccountId("own")}))
    of_all = Viewer(author=WHO)
    for permission in (Permission.CHANGE_INSTALLATION, Permission.MANAGE_ADMINISTRATORS):
        assert allows(of_all, permission) == Granted()
        assert allows(of_one, permission) == Refused(Refusal.NOT_ALLOWED)
        assert allows(of_one, permission, AccountId("own")) == Refused(Refusal.NOT_ALLOWED)
        assert allows(of_one, permission, AccountId("other")) == Refused(Refusal.NOT_THEIRS)


# ---- passwords


@pytest.mark.parametrize(
    ("plain", "why"),
    [
        ("", Weakness.SHORT),
        ("nine char", Weakness.SHORT),
        ("x" * 300, Weakness.LONG),
        ("abababababab", Weakness.FEW_DIFFERENT),
        ("1234567890", Weakness.NUMBER),
        ("password12", Weakness.OBVIOUS),
        ("Ольга Петрова1", Weakness.OWN_NAME),
        ("olga.petrova!", Weakness.OWN_NAME),
        ("ten chars!", None),
        ("кофе трамвай окно", None),
        ("olga likes long walks", None),
    ],
)
def test_weak_passwords(plain: str, why: Weakness | None) -> None:
    own = ("Ольга Петрова", "olga.petrova@example.com")
    assert weakness_of(plain, shortest=10, own_words=own) is why


def test_everything_that_is_wrong_has_a_sentence_beside_its_field() -> None:
    for language in LANGUAGES:
        for trouble in (*NameProblem, *Weakness, LOGIN_TAKEN, WRONG_PRESENT):
            [(field, sentence)] = by_field([trouble], language).items()
            assert field in ("name", "login", "password", "present")
            assert sentence.endswith(".")
            assert "{" not in sentence
        for role in Role:
            assert texts(language)[f"role_{role}"]
            assert texts(language)[f"role_{role}_may"]


# ---- as whom a change is written down


def test_an_author_is_named_and_known_again() -> None:
    olga = Author(kind=AuthorKind.ADMINISTRATOR, session="aaaaaa", address="10.0.0.5", administrator="1", name="Ольга")
    elsewhere = Author(
        kind=AuthorKind.ADMINISTRATOR, session="bbbbbb", address="10.0.0.9", administrator="1", name="Оля"
    )
    by_file = Author(kind=AuthorKind.ADMINISTRATOR, session="cccccc", address="10.0.0.5", administrator=BY_FILE)
    another = Author(kind=AuthorKind.ADMINISTRATOR, session="dddddd", address="10.0.0.5", administrator=BY_FILE)
    assert author(olga, "en") == "Ольга from 10.0.0.5" == str(olga)
    assert author(olga, "en", elsewhere) == "You, from 10.0.0.5"
    assert author(by_file, "en") == "The configuration file’s password, session cccccc from 10.0.0.5"
    assert author(by_file, "en", by_file) == "You, from 10.0.0.5"
    assert author(by_file, "en", another).startswith("The configuration")
    assert author(WHO, "en", olga) == "Administrator 3fa2c1 from 10.0.0.5"


# ---- what people see


@pytest.mark.parametrize(
    ("said", "name"),
    [
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0"
            " Safari/537.36",
            "Chrome 126, Windows",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0"
            " Safari/537.36 Edg/125.0",
            "Edge 125, Windows",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 YaBrowser/24.6.0.0"
            " Safari/537.36",
            "Yandex Browser 24, Windows",
        ),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0", "Firefox 130, Linux"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
            " Version/17.5 Mobile/15E148 Safari/604.1",
            "Safari 17, iPhone",
        ),
        (
            "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile"
            " Safari/537.36",
            "Chrome 126, Android",
        ),
        ("curl/8.5.0", "curl 8"),
        ("", ""),
        ("<script>alert(1)</script>", ""),
    ],
)
def test_browsers(said: str, name: str) -> None:
    assert browser_name(said) == name


@given(st.text(max_size=300))
def test_nothing_that_a_browser_says_gets_into_its_name(said: str) -> None:
    assert "<" not in browser_name(said)
    assert len(browser_name(said)) < 330


@pytest.mark.parametrize(
    ("server", "address"),
    [
        ({"listen": "127.0.0.1:8080"}, "http://127.0.0.1:8080/setup?code=c"),
        ({"listen": "[::1]:8080"}, "http://[::1]:8080/setup?code=c"),
        (
            {"listen": "0.0.0.0:80", "public_url": "https://calls.example.com/"},
            "https://calls.example.com/setup?code=c",
        ),
    ],
)
def test_the_address_that_is_printed(server: dict[str, str], address: str) -> None:
    assert setup_address(parse({"server": server}), "c") == address


@pytest.mark.parametrize("host", ["0.0.0.0", "::", ""])
def test_where_it_listens_everywhere_the_address_names_this_machine(host: str) -> None:
    address = setup_address(Config(host=host), "c", port=18080)
    assert address.endswith(":18080/setup?code=c")
    assert not any(nowhere in address for nowhere in ("0.0.0.0", "//:", "[::]"))


def test_the_printed_address_stands_alone_on_its_line() -> None:
    assert "http://x/setup?code=c" in [line.strip() for line in setup_text("http://x/setup?code=c").splitlines()]
