"""Which extension may be whose: names as people write them, with the reason, and never one extension for two."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.domain.crm.entities import Manager
from integration.domain.ids import ManagerId
from integration.domain.people.mapping import PbxUser
from integration.domain.people.spelling import Likeness, likeness, name_words
from integration.domain.people.suggestions import MOST_SHOWN, Confidence, Sign, suggestions, takeable

SAME, SPELLED, WITHIN, INITIALS, PART, NONE = (
    Likeness.SAME, Likeness.SPELLED, Likeness.WITHIN, Likeness.INITIALS, Likeness.PART, Likeness.NONE,
)  # fmt: skip


def manager(number: int, name: str, email: str | None = None, phone: str | None = None) -> Manager:
    return Manager(id=ManagerId(str(number)), name=name, email=email, phone=phone)


ANNA = manager(1, "Анна Ким")


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("Анна Ким", "Ким Анна", SAME),
        ("Пётр Королёв", "ПЕТР КОРОЛЕВ", SAME),
        ("Юлия Щербакова", "Yuliya Shcherbakova", SPELLED),
        ("Юлия Щербакова", "Scherbakova Julia", SPELLED),
        ("Евгений Ёлкин", "Yevgeniy Yolkin", SPELLED),
        ("Александр Хабаров", "Alexander Khabarov", SPELLED),
        ("Дмитрий Жуков", "Dmitry Zhukov", SPELLED),
        ("Виктор Цветков", "Victor Tsvetkov", SPELLED),
        ("Наталья Андреева", "Natalia Andreyeva", SPELLED),
        ("Мар’яна Гриценко", "Mar'yana Hrytsenko", SPELLED),
        ("Ганна Кім", "Hanna Kim", SPELLED),
        ("Олексій Їжак", "Oleksii Yizhak", SPELLED),
        ("Анна Ким", "Ким Анна Сергеевна", WITHIN),
        ("Анна Ким", "Anna Kim (Sales)", SPELLED),
        ("Анна Ким", "101 Анна Ким — отдел продаж", SAME),
        ("Анна Ким", "Ким А.", INITIALS),
        ("Анна Ким", "A. Kim", INITIALS),
        ("Ким Анна Сергеевна", "Ким А.С.", INITIALS),
        ("Ким Анна Сергеевна", "Ким А.", INITIALS),
        ("Ким Анна Петровна", "Ким А.С.", NONE),
        ("Анна Ким", "Ким Б.", NONE),
        ("Ким А.", "Ким Б.", NONE),
        ("Анна Ким", "Анна Петрова", NONE),
        ("Анна Ким", "Ким", PART),
        ("Анна Ким", "Анна", PART),
        ("Юлия", "Julia", PART),
        ("Анна Ким", "Борис Орлов", NONE),
        ("Отдел продаж", "Отдел продаж", SAME),
        ("Менеджер Анна Ким", "Менеджер Борис Орлов", NONE),
        ("", "", NONE),
        ("101", "101", NONE),
    ],
)
def test_how_names_go_together(one: str, other: str, expected: Likeness) -> None:
    assert likeness(name_words(one), name_words(other)) is expected
    assert likeness(name_words(other), name_words(one)) is expected


@pytest.mark.parametrize(
    ("who", "user", "sign"),
    [
        (manager(1, "Анна Ким"), PbxUser("101", "Ким Анна"), Sign.SAME_NAME),
        (manager(1, "Анна Ким"), PbxUser("101", "Anna Kim"), Sign.SPELLED_NAME),
        (manager(1, "Анна Ким"), PbxUser("101", "Ким Анна Сергеевна"), Sign.NAME_WITHIN),
        (manager(1, "Анна Ким"), PbxUser("101", "Ким А."), Sign.INITIALS),
        (manager(1, "Анна"), PbxUser("101", "анна"), Sign.SAME_WORD),
        (manager(1, "Анна Ким"), PbxUser("101", "Ким"), Sign.PART_OF_NAME),
        (manager(1, "X", phone="101"), PbxUser("101", "Sales"), Sign.PROFILE_EXTENSION),
        (manager(1, "X", phone="вн. 101"), PbxUser("101"), Sign.PROFILE_EXTENSION),
        (manager(1, "X", phone="+7 495 000-00-01 доб. 101"), PbxUser("101"), Sign.PROFILE_EXTENSION),
        (manager(1, "X", phone="8 (916) 123-45-67"), PbxUser("101", mobile="+79161234567"), Sign.SAME_PHONE),
        (manager(1, "X", "Anna@Firm.test"), PbxUser("101", "Y", email="anna@firm.test"), Sign.SAME_EMAIL),
        (manager(1, "X", "101@firm.test"), PbxUser("101"), Sign.EMAIL_EXTENSION),
        (manager(1, "X", "a.kim@firm.test"), PbxUser("101", "Анна Ким"), Sign.EMAIL_NAME),
        (manager(1, "X", "anna_kim@firm.test"), PbxUser("101", "Ким Анна"), Sign.EMAIL_NAME),
        (manager(1, "X", "akim@firm.test"), PbxUser("101", "Анна Ким"), Sign.EMAIL_NAME),
        (manager(1, "X", "kima@firm.test"), PbxUser("101", "Ким А."), Sign.EMAIL_NAME),
        (manager(1, "Vera", "sokolova@firm.test"), PbxUser("101", "Sokolova V."), Sign.EMAIL_NAME),
        (manager(1, "X", "kim@firm.test"), PbxUser("101", "Анна Ким"), Sign.PART_OF_EMAIL),
    ],
)
def test_each_sign_is_named(who: Manager, user: PbxUser, sign: Sign) -> None:
    [candidate] = suggestions([who], [user, PbxUser("999", "Борис Орлов")])[who.id]
    assert (candidate.key, candidate.signs[0][0]) == ("101", sign)


@pytest.mark.parametrize(
    ("who", "user"),
    [
        (manager(1, "Анна Ким", "anna@firm.test"), PbxUser("101", "Анна Петрова")),  # another Anna
        (manager(1, "Олег Ким", "akim@firm.test"), PbxUser("101", "Ким А.")),  # the address of somebody before him
        (manager(1, "X", phone="+7 495 000-01-01"), PbxUser("101")),  # the digits stand there, but not as an extension
        (manager(1, "X", "ok@firm.test"), PbxUser("101", "Ok")),  # two letters say nothing
        (manager(1, "Отдел продаж"), PbxUser("101", "Отдел закупок Борис")),
        (manager(1, ""), PbxUser("101", "")),
    ],
)
def test_what_is_no_sign(who: Manager, user: PbxUser) -> None:
    assert suggestions([who], [user]) == {}


def test_the_surest_comes_first_and_says_everything() -> None:
    who = manager(1, "Анна Ким", "a.kim@firm.test", "102")
    users = [PbxUser("101", "Ким А."), PbxUser("102", "Anna Kim"), PbxUser("103", "Ким")]
    found = suggestions([who], users)[who.id]
    assert [each.key for each in found] == ["102", "101", "103"]
    assert found[0].signs == (
        (Sign.PROFILE_EXTENSION, "102"), (Sign.SPELLED_NAME, "Anna Kim"), (Sign.EMAIL_NAME, "a.kim@firm.test"),
    )  # fmt: skip
    assert takeable({who.id: found})[who.id].key == "102"


def test_namesakes_are_shown_and_left_to_a_person() -> None:
    twin = manager(2, "Ким Анна")
    one_phone = suggestions([ANNA, twin], [PbxUser("101", "Анна Ким")])
    assert {who: [each.key for each in found] for who, found in one_phone.items()} == {"1": ["101"], "2": ["101"]}
    assert takeable(one_phone) == {}
    two_phones = suggestions([ANNA], [PbxUser("101", "Анна Ким"), PbxUser("111", "Анна Ким")])
    assert [each.key for each in two_phones[ANNA.id]] == ["101", "111"]
    assert takeable(two_phones) == {}


def test_a_namesake_with_more_signs_is_no_doubt() -> None:
    twin = manager(2, "Анна Ким", phone="101")
    assert takeable(suggestions([ANNA, twin], [PbxUser("101", "Анна Ким")])).keys() == {twin.id}


def test_signs_that_contradict_each_other_are_left_to_a_person() -> None:
    who = manager(1, "Анна Ким", phone="102")
    found = suggestions([who], [PbxUser("101", "Анна Ким"), PbxUser("102", "Борис Орлов")])
    assert {each.key for each in found[who.id]} == {"101", "102"}
    assert takeable(found) == {}


def test_who_has_an_extension_and_what_somebody_has_are_left_out() -> None:
    users = [PbxUser("101", "Анна Ким")]
    assert suggestions([ANNA], users, mapped=[ANNA.id]) == {}
    assert suggestions([ANNA], users, taken=["101"]) == {}


def test_a_first_name_that_many_have_is_not_suggested() -> None:
    users = [PbxUser(str(101 + n), "Анна") for n in range(MOST_SHOWN + 1)]
    assert suggestions([ANNA], users) == {}
    assert len(suggestions([ANNA], users[:MOST_SHOWN])[ANNA.id]) == MOST_SHOWN


NAMES = st.sampled_from(
    ["Анна Ким", "Ким Анна", "Anna Kim", "Ким А.", "Ким", "Анна", "Борис Орлов", "Orlov B.", "Отдел продаж", "", "🙂"]
)
EMAILS = st.sampled_from([None, "", "kim@a.b", "a.kim@a.b", "101@a.b", "@", "boris.orlov@a.b"])
PHONES = st.sampled_from([None, "", "101", "102", "+7 916 123-45-67", "доб. 103", "1" * 3000])
MANAGERS = st.lists(st.tuples(NAMES | st.text(max_size=20), EMAILS, PHONES), max_size=8).map(
    lambda rows: [manager(number, *row) for number, row in enumerate(rows)]
)
USERS = st.lists(
    st.tuples(st.text(string.digits, min_size=1, max_size=3) | st.sampled_from(["101", "102", "103"]), NAMES, EMAILS),
    max_size=8,
    unique_by=lambda row: row[0],
).map(lambda rows: [PbxUser(extension, name, email=email or "") for extension, name, email in rows])


@given(MANAGERS, USERS, st.randoms(use_true_random=False))
def test_all_at_once_gives_no_extension_to_two(managers: list[Manager], users: list[PbxUser], random) -> None:  # type: ignore[no-untyped-def]
    found = suggestions(managers, users)
    taken = takeable(found)
    keys = [each.key for each in taken.values()]
    assert len(keys) == len(set(keys))
    assert set(keys) <= {user.key for user in users}
    for who, best in taken.items():
        assert best is found[who][0]
        assert best.confidence > Confidence.WEAK
    for candidates in found.values():
        assert candidates
        assert len(candidates) <= MOST_SHOWN
        assert [each.rank for each in candidates] == sorted((each.rank for each in candidates), reverse=True)
        assert all(each.signs for each in candidates)
    random.shuffle(managers)
    random.shuffle(users)
    assert suggestions(managers, users) == found


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_two_texts_are_compared_alike_both_ways(one: str, other: str) -> None:
    first, second = name_words(one), name_words(other)
    assert likeness(first, second) is likeness(second, first)
    if first.words:
        assert likeness(first, first) is SAME


def test_the_extension_in_a_profile_of_the_crm_is_suggested_once() -> None:
    profile = Manager(id=ManagerId("1"), name="Х", phone="+7 495 123-45-67 доб. 101", extension="101")
    (found,) = suggestions([profile], [PbxUser(extension="101", name="")])[ManagerId("1")]
    assert found.signs == ((Sign.PROFILE_EXTENSION, "101"),)
