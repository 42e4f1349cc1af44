"""API keys, CRM users who are administrators, and administrators of single offices, on both databases."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import select

from integration.domain.access import Viewer
from integration.domain.administrators import NO_PASSWORD, Administrator, AdministratorId, CrmUser, Role
from integration.domain.api_keys import ApiKey, ApiKeyId, KeyAccess, KeyRefusal
from integration.domain.ids import AccountId, ManagerId, Timestamp
from integration.domain.settings_changes import BY_FILE, Author, AuthorKind
from integration.ports.administrators import (
    ApiKeyStore,
    CodeGone,
    Credentials,
    CrmTie,
    CrmTieStore,
    Invitation,
    LoginTaken,
    OwnerOfAll,
    Session,
)
from integration.ports.setups import SetupState
from integration.services.administrators import digest
from integration.services.api_keys import ApiKeys, KeyRefused
from integration.storage import Storage
from integration.storage.sql.schema.people import admin_invitations, api_keys
from integration.testing import FakeClock

NOW, LATER = Timestamp(1000.0), Timestamp(2000.0)
ACME, OTHER = AccountId("acme"), AccountId("other")
USER = CrmUser(ACME, ManagerId("7"))
PETR = Administrator(
    id=AdministratorId("c" * 32), name="Пётр", login="petr", role=Role.ADMINISTRATOR, language="ru", created_at=NOW,
    offices=frozenset({ACME}),
)  # fmt: skip
KEY = ApiKey(
    id=ApiKeyId("b" * 32), name="Reports", hint="dzv_AbCd", office=ACME, access=KeyAccess.WRITE, maker=PETR.id,
    made_by="Пётр", created_at=NOW, until=LATER,
)  # fmt: skip


def _are_ports(storage: Storage) -> tuple[ApiKeyStore, CrmTieStore]:
    return storage.api_keys, storage.crm_ties  # read by the type checker


async def made(storage: Storage, person: Administrator = PETR, *, hash_: str = "$argon2id$") -> Credentials:
    """An administrator, by an invitation."""
    credentials = Credentials(administrator=person, hash=hash_, mark=f"mark of {person.login}")
    invitation = Invitation(
        id="d" * 32, name=person.name, login=person.login, role=person.role, invited_by="", created_at=NOW,
        until=LATER, offices=person.offices,
    )  # fmt: skip
    await storage.invitations.add(invitation, code="code")
    await storage.invitations.accept("code", credentials, now=NOW)
    return credentials


# ---- keys


async def test_a_key_is_found_by_its_hash_with_its_maker(storage: Storage) -> None:
    await made(storage)
    assert await storage.api_keys.add(KEY, hash_="h", at_most=5)
    found = await storage.api_keys.find("h")
    assert found is not None
    assert (found.key, found.maker) == (KEY, PETR)
    assert await storage.api_keys.find("H") is None
    rows = await storage.database.read(lambda c: c.execute(select(api_keys)).all())
    assert [row.hash for row in rows] == ["h"]


async def test_a_key_of_the_files_password_or_of_nobody_left_has_no_maker(storage: Storage) -> None:
    await storage.api_keys.add(replace(KEY, maker=None, made_by=""), hash_="h", at_most=5)
    await storage.api_keys.add(replace(KEY, id=ApiKeyId("e" * 32)), hash_="i", at_most=5)
    for hash_ in ("h", "i"):
        found = await storage.api_keys.find(hash_)
        assert found is not None
        assert found.maker is None


async def test_who_lists_keys_gets_those_of_the_named_offices(storage: Storage) -> None:
    for number, office in enumerate((ACME, OTHER, None)):
        key = replace(KEY, id=ApiKeyId(f"{number:032x}"), office=office, created_at=Timestamp(NOW + number))
        await storage.api_keys.add(key, hash_=str(number), at_most=5)

    async def listed(*offices: AccountId | None) -> list[AccountId | None]:
        return [each.key.office for each in await storage.api_keys.of(frozenset(offices))]

    assert await listed(ACME) == [ACME]
    assert await listed(ACME, None) == [None, ACME]
    assert await listed() == []


async def test_a_key_is_revoked_once_and_by_who_may(storage: Storage) -> None:
    store = storage.api_keys
    await store.add(KEY, hash_="h", at_most=5)
    assert not await store.revoke(KEY.id, offices=frozenset({OTHER, None}), now=NOW, revoked_by="Eve")
    assert await store.revoke(KEY.id, offices=frozenset({ACME}), now=LATER, revoked_by="Анна")
    assert not await store.revoke(KEY.id, offices=frozenset({ACME}), now=LATER, revoked_by="Пётр")
    found = await store.find("h")
    assert found is not None
    assert (found.key.revoked_at, found.key.revoked_by) == (LATER, "Анна")


async def test_the_last_use_is_stored(storage: Storage) -> None:
    await storage.api_keys.add(KEY, hash_="h", at_most=5)
    await storage.api_keys.touch(KEY.id, now=LATER, address="192.0.2.1\0")
    found = await storage.api_keys.find("h")
    assert found is not None
    assert (found.key.used_at, found.key.address) == (LATER, "192.0.2.1\ufffd")


async def test_an_office_has_so_many_keys_at_most_and_revoked_ones_do_not_count(storage: Storage) -> None:
    store = storage.api_keys
    for number in range(3):
        key = replace(KEY, id=ApiKeyId(f"{number:032x}"))
        assert await store.add(key, hash_=str(number), at_most=2) is (number < 2)
    assert await store.add(replace(KEY, id=ApiKeyId("9" * 32), office=OTHER), hash_="o", at_most=2)
    await store.revoke(ApiKeyId("0" * 32), offices=frozenset({ACME}), now=NOW, revoked_by="")
    assert await store.add(replace(KEY, id=ApiKeyId("8" * 32)), hash_="n", at_most=2)


async def test_a_key_is_revoked_at_once_for_another_process(storage: Storage, clock: FakeClock) -> None:
    first, second = (ApiKeys(storage.api_keys, clock, has_file_password=True) for _ in range(2))
    author = Author(kind=AuthorKind.ADMINISTRATOR, administrator=BY_FILE)
    made = await first.make(Viewer(author=author), name="x", office=ACME, access=KeyAccess.READ, days=1)
    assert made.text not in repr(made)
    assert (await second.recognised(made.text, address="192.0.2.1")).key.name == "x"
    assert await second.revoke(Viewer(author=author), ACME, made.key.id)
    with pytest.raises(KeyRefused) as refused:
        await first.recognised(made.text, address="192.0.2.1")
    assert refused.value.reason is KeyRefusal.REVOKED


async def test_keys_of_the_files_password_end_with_it(storage: Storage, clock: FakeClock) -> None:
    author = Author(kind=AuthorKind.ADMINISTRATOR, administrator=BY_FILE)
    keys = ApiKeys(storage.api_keys, clock, has_file_password=True)
    made = await keys.make(Viewer(author=author), name="x", office=None, access=KeyAccess.READ, days=None)
    with pytest.raises(KeyRefused) as refused:
        await ApiKeys(storage.api_keys, clock, has_file_password=False).recognised(made.text, address="")
    assert refused.value.reason is KeyRefusal.MAKER_OFF


async def test_the_use_of_a_key_is_written_once_a_minute(storage: Storage, clock: FakeClock) -> None:
    author = Author(kind=AuthorKind.ADMINISTRATOR, administrator=BY_FILE)
    keys = ApiKeys(storage.api_keys, clock, has_file_password=True)
    made = await keys.make(Viewer(author=author), name="x", office=None, access=KeyAccess.READ, days=None)
    began = clock.now()

    async def used(address: str) -> tuple[float, str]:
        await keys.recognised(made.text, address=address)
        found = await storage.api_keys.find(digest(made.text))
        assert found is not None
        assert found.key.used_at is not None
        return found.key.used_at, found.key.address

    assert await used("192.0.2.1") == (began, "192.0.2.1")
    clock.advance(30)
    assert await used("192.0.2.1") == (began, "192.0.2.1")
    assert await used("192.0.2.2") == (began + 30, "192.0.2.2")
    clock.advance(60)
    assert await used("192.0.2.2") == (began + 90, "192.0.2.2")


# ---- administrators of single offices


async def test_an_invitation_to_single_offices_makes_an_administrator_of_these(storage: Storage) -> None:
    await made(storage)
    found = await storage.administrators.get(PETR.id)
    assert found is not None
    assert found.offices == frozenset({ACME})


async def test_the_release_before_takes_an_invitation_to_single_offices_for_over(storage: Storage) -> None:
    """It would let the person into all of them."""
    single = Invitation(
        id="1" * 32, name="N", login="n", role=Role.ADMINISTRATOR, invited_by="", created_at=NOW, until=LATER,
        offices=frozenset({ACME}),
    )  # fmt: skip
    await storage.invitations.add(single, code="c")
    await storage.invitations.add(replace(single, id="2" * 32, login="m", offices=None), code="d")
    found = await storage.invitations.find("c", now=NOW)
    assert found == single
    assert await storage.invitations.find("c", now=LATER) is None
    as_before = select(admin_invitations.c.id).where(admin_invitations.c.until > NOW)
    assert await storage.database.read(lambda c: c.execute(as_before).scalars().all()) == ["2" * 32]
    renewed = await storage.invitations.renew(single.id, code="e", until=Timestamp(3000.0))
    assert (renewed.offices, renewed.until) == (frozenset({ACME}), Timestamp(3000.0))
    assert await storage.database.read(lambda c: c.execute(as_before).scalars().all()) == ["2" * 32]
    assert len(await storage.invitations.waiting(now=Timestamp(2500.0))) == 1


async def test_offices_are_changed_and_an_owner_has_all(storage: Storage) -> None:
    await made(storage)
    people = storage.administrators
    await people.set_offices(PETR.id, frozenset({ACME, OTHER}))
    found = await people.get(PETR.id)
    assert found is not None
    assert found.offices == frozenset({ACME, OTHER})
    await people.set_role(PETR.id, Role.OWNER)
    found = await people.get(PETR.id)
    assert found is not None
    assert found.offices is None, "no owner of single offices"
    with pytest.raises(OwnerOfAll):
        await people.set_offices(PETR.id, frozenset({ACME}))
    with pytest.raises(CodeGone):
        await people.set_offices(AdministratorId("0" * 32), None)


async def test_who_begins_an_office_gets_the_right_to_it_and_only_the_first_does(storage: Storage) -> None:
    await made(storage)
    maria = replace(PETR, id=AdministratorId("e" * 32), login="maria", offices=frozenset({OTHER}))
    await made(storage, maria)
    new = AccountId("new")
    begun = await asyncio.gather(
        *(storage.setups.begin(new, SetupState(office=new, name="New"), by=each.id) for each in (PETR, maria))
    )
    assert sorted(begun) == [False, True]
    seen = [person.offices for person in await storage.administrators.all()]
    assert sum(new in (offices or ()) for offices in seen) == 1


async def test_an_administrator_of_all_offices_stays_one_after_beginning_one(storage: Storage) -> None:
    await made(storage, replace(PETR, offices=None))
    await storage.setups.begin(OTHER, SetupState(office=OTHER, name="Other"), by=PETR.id)
    found = await storage.administrators.get(PETR.id)
    assert found is not None
    assert found.offices is None


# ---- CRM users


def session(name: str, crm_user: CrmUser | None) -> Session:
    return Session(
        id=name, administrator=PETR.id, begun_at=NOW, used_at=NOW, until=LATER, browser="", address="",
        crm_user=crm_user,
    )  # fmt: skip


async def test_a_tie_is_found_by_the_user_and_by_the_administrator(storage: Storage) -> None:
    await made(storage)
    tie = CrmTie(user=USER, administrator=PETR.id, tied_at=NOW)
    await storage.crm_ties.tie(tie)
    assert await storage.crm_ties.find(USER) == tie
    assert await storage.crm_ties.find(CrmUser(OTHER, USER.manager)) is None, "another account's user of the same id"
    assert await storage.crm_ties.of(PETR.id) == [tie]
    assert await storage.crm_ties.of(AdministratorId("0" * 32)) == []


async def test_a_new_tie_and_an_end_of_one_end_the_sessions_that_began_by_it(storage: Storage) -> None:
    credentials = await made(storage)
    ties, sessions = storage.crm_ties, storage.admin_sessions
    for step in ("tied to somebody else", "untied"):
        await ties.tie(CrmTie(user=USER, administrator=PETR.id, tied_at=NOW))
        for name, user in ((f"crm {step}", USER), (f"own {step}", None)):
            await sessions.begin(session(name, user), mark=credentials.mark, now=NOW)
        begun = await sessions.find(f"crm {step}", file_mark=None, now=NOW)
        assert begun is not None
        assert begun.session.crm_user == USER
        if step == "untied":
            assert not await ties.untie(USER, AdministratorId("0" * 32)), "it is not theirs"
            assert await ties.untie(USER, PETR.id)
        else:
            await ties.tie(CrmTie(user=USER, administrator=AdministratorId("0" * 32), tied_at=NOW))
        assert await sessions.find(f"crm {step}", file_mark=None, now=NOW) is None
        assert await sessions.find(f"own {step}", file_mark=None, now=NOW) is not None


async def test_an_administrator_by_the_word_of_a_crm_has_no_password(storage: Storage) -> None:
    person = replace(PETR, has_password=False)
    credentials = Credentials(administrator=person, hash=NO_PASSWORD, mark="m")
    tie = CrmTie(user=USER, administrator=person.id, tied_at=NOW, is_by_word=True)
    await storage.crm_ties.add(credentials, tie)
    assert await storage.crm_ties.find(USER) == tie
    assert await storage.administrators.get(person.id) == person
    with pytest.raises(LoginTaken):
        await storage.crm_ties.add(
            replace(credentials, administrator=replace(person, id=AdministratorId("1" * 32))), tie
        )
