"""Administrators, invitations and setup codes, on both databases."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from integration.domain.administrators import Administrator, AdministratorId, Role
from integration.domain.ids import AccountId, Timestamp
from integration.ports.administrators import (
    AdministratorStore,
    CodeGone,
    Credentials,
    Invitation,
    InvitationStore,
    LastOwner,
    LoginTaken,
    Session,
    SetupCodeStore,
)
from integration.storage import Storage

NOW, LATER = Timestamp(1000.0), Timestamp(2000.0)


def _is_port(storage: Storage) -> tuple[AdministratorStore, InvitationStore, SetupCodeStore]:
    return storage.administrators, storage.invitations, storage.setup_codes  # read by the type checker


def person(number: int, login: str = "", role: Role = Role.OWNER) -> Credentials:
    made = Administrator(
        id=AdministratorId(f"{number:032x}"),
        name=f"Name {number}",
        login=login or f"login{number}",
        role=role,
        language="en",
        created_at=NOW,
    )
    return Credentials(administrator=made, hash=f"$argon2id${number}", mark=f"mark{number}")


def invitation(number: int, login: str) -> Invitation:
    return Invitation(
        id=f"{number:032x}", name="N", login=login, role=Role.ADMINISTRATOR, invited_by="", created_at=NOW, until=LATER
    )


async def owners(storage: Storage, *made: Credentials) -> None:
    for each in made:
        await storage.setup_codes.put("code", holder="", now=NOW, until=LATER)
        await storage.setup_codes.make_owner("code", each, now=NOW)


# ---- administrators


async def test_one_is_found_by_every_spelling_of_the_login(storage: Storage) -> None:
    await owners(storage, person(1, "Straße@Example.com"))
    for spelling in ("Straße@Example.com", "STRASSE@EXAMPLE.COM", "  ｓtraße@example.com "):
        found = await storage.administrators.credentials(spelling)
        assert found == person(1, "Straße@Example.com")
    assert await storage.administrators.credentials("strase@example.com") is None
    assert await storage.administrators.credentials("") is None


async def test_all_values_come_back(storage: Storage) -> None:
    assert not await storage.administrators.have_any()
    made = person(1)
    stored = replace(
        made.administrator, offices=frozenset({AccountId("a"), AccountId("b")}), seen_at=NOW, is_active=False
    )
    await owners(storage, replace(made, administrator=stored), person(2))
    assert await storage.administrators.get(stored.id) == stored
    assert await storage.administrators.all() == [stored, person(2).administrator]
    assert await storage.administrators.have_any()


async def test_a_login_is_given_once(storage: Storage) -> None:
    await owners(storage, person(1, "olga"))
    with pytest.raises(LoginTaken):
        await owners(storage, person(2, "OLGA"))
    assert await storage.setup_codes.is_valid("code", now=NOW), "nothing of the transaction is stored"
    assert len(await storage.administrators.all()) == 1


async def test_a_new_hash_of_the_same_password_ends_nothing_and_never_replaces_a_new_password(storage: Storage) -> None:
    olga = person(1)
    await owners(storage, olga)
    await storage.administrators.rehash(olga, "$argon2id$better")
    found = await storage.administrators.credentials("login1")
    assert found == replace(olga, hash="$argon2id$better")
    await storage.administrators.rehash(olga, "$argon2id$stale")
    assert await storage.administrators.credentials("login1") == found


async def test_switching_off_ends_the_sessions_at_once(storage: Storage) -> None:
    olga, petr = person(1), person(2)
    await owners(storage, olga, petr)
    session = Session(
        id="s", administrator=petr.administrator.id, begun_at=NOW, used_at=NOW, until=LATER, browser="", address=""
    )
    await storage.admin_sessions.begin(session, mark=petr.mark, now=NOW)
    await storage.administrators.set_active(petr.administrator.id, is_active=False)
    assert await storage.admin_sessions.find("s", file_mark=None, now=NOW) is None
    await storage.administrators.set_active(petr.administrator.id, is_active=True)
    assert await storage.admin_sessions.find("s", file_mark=None, now=NOW) is None, "switched on, it stays ended"


async def test_the_last_active_owner_stays(storage: Storage) -> None:
    olga, petr = person(1), person(2)
    await owners(storage, olga, petr)
    people, one, other = storage.administrators, olga.administrator.id, petr.administrator.id
    await people.set_active(other, is_active=False)
    with pytest.raises(LastOwner):
        await people.set_active(one, is_active=False)
    with pytest.raises(LastOwner):
        await people.set_role(one, Role.ADMINISTRATOR)
    await people.set_role(one, Role.OWNER)
    await people.set_active(other, is_active=True)
    await people.set_role(one, Role.ADMINISTRATOR)
    with pytest.raises(LastOwner):
        await people.set_active(other, is_active=False)


async def test_two_owners_who_switch_each_other_off_leave_one(storage: Storage) -> None:
    for number in range(1, 11, 2):
        pair = [person(number), person(number + 1)]
        everybody = [each.id for each in await storage.administrators.all()]
        await owners(storage, *pair)
        for former in everybody:
            await storage.administrators.set_active(former, is_active=False)
        ids = [each.administrator.id for each in pair]
        found = await asyncio.gather(
            storage.administrators.set_active(ids[0], is_active=False),
            storage.administrators.set_role(ids[1], Role.ADMINISTRATOR),
            return_exceptions=True,
        )
        assert [type(each) for each in found].count(LastOwner) == 1, found


async def test_who_does_not_exist_cannot_be_changed(storage: Storage) -> None:
    nobody = AdministratorId("f" * 32)
    for change in (
        storage.administrators.set_role(nobody, Role.OWNER),
        storage.administrators.set_active(nobody, is_active=False),
        storage.administrators.set_password(nobody, new_hash="x", mark="y"),
    ):
        with pytest.raises(CodeGone):
            await change


# ---- invitations


async def test_an_invitation_is_accepted_once(storage: Storage) -> None:
    store = storage.invitations
    await store.add(invitation(1, "petr"), code="code")
    assert await store.find("code", now=NOW) == invitation(1, "petr")
    assert await store.waiting(now=NOW) == [invitation(1, "petr")]
    results = await asyncio.gather(
        *(store.accept("code", person(number, "petr"), now=NOW) for number in (1, 2)), return_exceptions=True
    )
    assert sorted(type(each).__name__ for each in results) == ["CodeGone", "NoneType"]
    assert len(await storage.administrators.all()) == 1
    assert await store.waiting(now=NOW) == []


async def test_an_invitation_ends_with_its_time_by_revoking_and_by_a_new_link(storage: Storage) -> None:
    store = storage.invitations
    await store.add(invitation(1, "petr"), code="first")
    assert await store.find("first", now=LATER) is None
    assert await store.waiting(now=LATER) == []
    with pytest.raises(CodeGone):
        await store.accept("first", person(1, "petr"), now=LATER)
    renewed = await store.renew(invitation(1, "petr").id, code="second", until=Timestamp(LATER + 1))
    assert renewed.until == LATER + 1
    assert await store.find("first", now=NOW) is None
    assert await store.find("second", now=LATER) == renewed
    assert await store.revoke(renewed.id)
    assert not await store.revoke(renewed.id)
    with pytest.raises(CodeGone):
        await store.accept("second", person(1, "petr"), now=NOW)
    with pytest.raises(CodeGone):
        await store.renew(renewed.id, code="third", until=LATER)
    assert not await storage.administrators.have_any()


async def test_of_a_login_one_invitation_waits_and_none_for_an_administrator(storage: Storage) -> None:
    store = storage.invitations
    await owners(storage, person(1, "olga"))
    with pytest.raises(LoginTaken):
        await store.add(invitation(1, "OLGA"), code="a")
    await store.add(invitation(2, "petr"), code="b")
    with pytest.raises(LoginTaken):
        await store.add(invitation(3, "Petr"), code="c")
    late = replace(invitation(4, "petr"), created_at=LATER, until=Timestamp(LATER + 1))
    await store.add(late, code="d")
    assert await store.waiting(now=LATER) == [late], "one that is over makes room"


async def test_who_became_an_administrator_otherwise_is_invited_no_more(storage: Storage) -> None:
    await storage.invitations.add(invitation(1, "petr"), code="code")
    await owners(storage, person(1, "Petr"))
    assert await storage.invitations.waiting(now=NOW) == []


# ---- setup codes


async def test_a_code_of_a_command_works_once_until_its_end(storage: Storage) -> None:
    store = storage.setup_codes
    await store.put("first", holder="", now=NOW, until=LATER)
    assert await store.is_valid("first", now=NOW)
    assert not await store.is_valid("first", now=LATER)
    await store.put("second", holder="", now=NOW, until=LATER)
    assert not await store.is_valid("first", now=NOW), "the newer one replaces it"
    results = await asyncio.gather(
        *(store.make_owner("second", person(number), now=NOW) for number in (1, 2)), return_exceptions=True
    )
    assert sorted(type(each).__name__ for each in results) == ["CodeGone", "NoneType"]
    assert len(await storage.administrators.all()) == 1


async def test_each_process_has_a_code_that_ends_with_it_and_using_one_ends_all(storage: Storage) -> None:
    store = storage.setup_codes
    for process in ("one", "two"):
        await storage.register.enter(process, ttl_seconds=60)
        await store.put(f"code of {process}", holder=process, now=NOW, until=LATER)
    await store.put("code of a dead one", holder="dead", now=NOW, until=LATER)
    assert await store.is_valid("code of one", now=NOW)
    assert await store.is_valid("code of two", now=NOW)
    assert not await store.is_valid("code of a dead one", now=NOW)
    await storage.register.leave("one")
    assert not await store.is_valid("code of one", now=NOW)
    await store.put("of a command", holder="", now=NOW, until=LATER)
    await store.make_owner("code of two", person(1), now=NOW)
    for code in ("code of two", "of a command"):
        assert not await store.is_valid(code, now=NOW)


async def test_two_codes_used_at_once_make_one_owner(storage: Storage) -> None:
    for process in ("one", "two"):
        await storage.register.enter(process, ttl_seconds=60)
    for number in range(5):
        await asyncio.gather(
            *(storage.setup_codes.put(each, holder=each, now=NOW, until=LATER) for each in ("one", "two"))
        )
        results = await asyncio.gather(
            storage.setup_codes.make_owner("one", person(2 * number), now=NOW),
            storage.setup_codes.make_owner("two", person(2 * number + 1), now=NOW),
            return_exceptions=True,
        )
        assert sorted(type(each).__name__ for each in results) == ["CodeGone", "NoneType"]


async def test_a_lost_password_is_set_and_the_person_switched_on(storage: Storage) -> None:
    olga, petr = person(1), person(2)
    await owners(storage, olga, petr)
    await storage.administrators.set_active(petr.administrator.id, is_active=False)
    await storage.setup_codes.put("code", holder="", now=NOW, until=LATER)
    nobody = AdministratorId("f" * 32)
    with pytest.raises(CodeGone):
        await storage.setup_codes.reset_password("code", nobody, new_hash="h", mark="m", now=NOW)
    assert await storage.setup_codes.is_valid("code", now=NOW)
    await storage.setup_codes.reset_password("code", petr.administrator.id, new_hash="h", mark="m", now=NOW)
    assert await storage.administrators.credentials("login2") == replace(petr, hash="h", mark="m")
    assert not await storage.setup_codes.is_valid("code", now=NOW)
