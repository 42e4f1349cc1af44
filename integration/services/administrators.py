"""Administrators as use cases: sign in, set up the first owner, invite, accept, change. `web/pages` has the pages."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from uuid import uuid4

import structlog

from integration.domain.administrators import (
    Administrator,
    AdministratorId,
    NameProblem,
    Role,
    clean_login,
    clean_name,
)
from integration.domain.ids import AccountId, Timestamp
from integration.domain.passwords import SHORTEST_OF_A_PERSON, Weakness, weakness_of
from integration.errors import DozvonError
from integration.ports.administrators import (
    AdministratorStore,
    CodeGone,
    Credentials,
    Invitation,
    InvitationStore,
    OwnerOfAll,
    SetupCodeStore,
)
from integration.ports.clock import Clock
from integration.services.passwords import PasswordDesk, is_outdated

log = structlog.get_logger()

INVITATION_HOURS = 72
SETUP_HOURS = 24
_CODE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)  # 32 random bytes

Trouble = NameProblem | Weakness


class NotUsable(DozvonError):
    """What somebody typed cannot be used. `troubles`: all that is wrong."""

    def __init__(self, *troubles: Trouble) -> None:
        super().__init__(", ".join(troubles))
        self.troubles = troubles


@dataclass(frozen=True, slots=True)
class Issued:
    """An invitation with the code of its link, which nobody can read again."""

    invitation: Invitation
    code: str

    def __repr__(self) -> str:
        return f"Issued({self.invitation.id})"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPerson:
    """What somebody typed about themselves."""

    name: str
    login: str
    password: str
    language: str

    def __repr__(self) -> str:
        return "NewPerson()"


class Administrators:
    """Errors of all methods: Unavailable if the database is away."""

    def __init__(
        self,
        store: AdministratorStore,
        invitations: InvitationStore,
        setup_codes: SetupCodeStore,
        clock: Clock,
        passwords: PasswordDesk,
    ) -> None:
        self.store = store
        self.invitations = invitations
        self._setup_codes = setup_codes
        self._clock = clock
        self._passwords = passwords

    # ---- signing in

    async def recognised(self, login: str, password: str) -> Credentials | None:
        """
        Whose login and password these are. An unknown login takes as long as a wrong password. A hash of another cost
        is made again.

        Raises:
            TooBusy.
        """
        found = None if isinstance(clean_login(login), NameProblem) else await self.store.credentials(login)
        is_right = await self._passwords.is_same(None if found is None else found.hash, password)
        if found is None or not is_right or not found.administrator.is_active:
            return None
        if is_outdated(found.hash):
            await self.store.rehash(found, await self._passwords.hashed(password))
        return found

    # ---- the first owner, and lost passwords

    async def issue_setup_code(self, holder: str) -> str:
        """A code for the page `/setup`. `holder`: the process that prints it; empty: a command."""
        code, now = secrets.token_urlsafe(32), self._clock.now()
        until = Timestamp(now + SETUP_HOURS * 3600)
        await self._setup_codes.put(digest(code), holder=holder, now=now, until=until)
        return code

    async def is_setup_code(self, code: str) -> bool:
        return is_code(code) and await self._setup_codes.is_valid(digest(code), now=self._clock.now())

    async def set_up(self, code: str, person: NewPerson) -> Credentials:
        """Make an owner. Raises: NotUsable, CodeGone, LoginTaken, TooBusy."""
        await self._check_setup_code(code)
        made = await self._made(person, Role.OWNER)
        await self._setup_codes.make_owner(digest(code), made, now=self._clock.now())
        log.warning("an owner was made with a setup code", administrator=made.administrator.id)
        return made

    async def reset_password(self, code: str, administrator: AdministratorId, password: str) -> Credentials:
        """Give somebody a new password. Raises: NotUsable, CodeGone, TooBusy."""
        await self._check_setup_code(code)
        person = await self.store.get(administrator)
        if person is None:
            raise CodeGone("There is no such administrator")
        new_hash, mark = await self._hashed(password, person.name, person.login)
        await self._setup_codes.reset_password(
            digest(code), administrator, new_hash=new_hash, mark=mark, now=self._clock.now()
        )
        log.warning("a password was set with a setup code", administrator=administrator)
        return Credentials(administrator=person, hash=new_hash, mark=mark)

    # ---- invitations

    async def invite(
        self, name: str, login: str, role: Role, *, invited_by: str, offices: frozenset[AccountId] | None = None
    ) -> Issued:
        """
        Args:
            offices: that the person will see; None: all.

        Raises:
            NotUsable, LoginTaken, OwnerOfAll.
        """
        name, login = _checked(name, login)
        if role is Role.OWNER and offices is not None:
            raise OwnerOfAll("An owner has all offices")
        code, now = secrets.token_urlsafe(32), self._clock.now()
        invitation = Invitation(
            id=uuid4().hex,
            name=name,
            login=login,
            role=role,
            invited_by=invited_by,
            created_at=now,
            until=self._invitation_end(),
            offices=offices,
        )
        await self.invitations.add(invitation, code=digest(code))
        return Issued(invitation, code)

    async def renew(self, invitation: str) -> Issued:
        """A new link; the former one ends. Raises: CodeGone."""
        code = secrets.token_urlsafe(32)
        renewed = await self.invitations.renew(invitation, code=digest(code), until=self._invitation_end())
        return Issued(renewed, code)

    async def invitation(self, code: str) -> Invitation | None:
        return await self.invitations.find(digest(code), now=self._clock.now()) if is_code(code) else None

    async def accept(self, code: str, *, name: str, password: str, language: str) -> Credentials:
        """The invited person sets their password. Raises: NotUsable, CodeGone, LoginTaken, TooBusy."""
        invitation = await self.invitation(code)
        if invitation is None:
            raise CodeGone("This invitation was accepted, revoked or replaced, or its time is over")
        person = NewPerson(name=name, login=invitation.login, password=password, language=language)
        made = await self._made(person, invitation.role, invitation.offices)
        await self.invitations.accept(digest(code), made, now=self._clock.now())
        return made

    # ---- one's own

    async def set_profile(self, administrator: AdministratorId, *, name: str, language: str) -> None:
        """Raises: NotUsable."""
        cleaned = clean_name(name)
        if isinstance(cleaned, NameProblem):
            raise NotUsable(cleaned)
        await self.store.set_profile(administrator, name=cleaned, language=language)

    async def change_password(self, person: Administrator, present: str, new: str) -> Credentials | None:
        """
        Change one's own password, which ends all one's sessions.

        Returns:
            None: `present` is not the present password.

        Raises:
            NotUsable, TooBusy; CodeGone if the administrator is gone.
        """
        stored = await self.store.credentials_of(person.id)
        if not await self._passwords.is_same(None if stored is None else stored.hash, present):
            return None
        new_hash, mark = await self._hashed(new, person.name, person.login)
        await self.store.set_password(person.id, new_hash=new_hash, mark=mark)
        return Credentials(administrator=person, hash=new_hash, mark=mark)

    # ---- pieces

    async def _check_setup_code(self, code: str) -> None:
        """Before a hash is made, which is slow. Raises CodeGone."""
        if not await self.is_setup_code(code):
            raise CodeGone("This code was used or replaced, or its time is over")

    async def _made(self, person: NewPerson, role: Role, offices: frozenset[AccountId] | None = None) -> Credentials:
        troubles: list[Trouble] = []
        try:
            name, login = _checked(person.name, person.login)
        except NotUsable as exc:
            troubles += exc.troubles
            name, login = person.name, person.login
        weak = weakness_of(person.password, shortest=SHORTEST_OF_A_PERSON, own_words=(name, login))
        if weak is not None:
            troubles.append(weak)
        if troubles:
            raise NotUsable(*troubles)
        new_hash, mark = await self._hashed(person.password, name, login)
        return Credentials(
            administrator=Administrator(
                id=AdministratorId(uuid4().hex),
                name=name,
                login=login,
                role=role,
                language=person.language,
                created_at=self._clock.now(),
                offices=offices,
            ),
            hash=new_hash,
            mark=mark,
        )

    async def _hashed(self, password: str, *own_words: str) -> tuple[str, str]:
        """Its hash and a new mark."""
        weak = weakness_of(password, shortest=SHORTEST_OF_A_PERSON, own_words=own_words)
        if weak is not None:
            raise NotUsable(weak)
        return await self._passwords.hashed(password), secrets.token_hex(16)

    def _invitation_end(self) -> Timestamp:
        return Timestamp(self._clock.now() + INVITATION_HOURS * 3600)


def digest(code: str) -> str:
    """What the database holds of a code or a session's token, which are random: nothing slower is needed."""
    return hashlib.sha256(code.encode()).hexdigest()


def is_code(text: str) -> bool:
    """Whether it has the form of one of our codes; anything else need not be looked up."""
    return _CODE.fullmatch(text) is not None


def _checked(name: str, login: str) -> tuple[str, str]:
    """Both as they are stored. Raises NotUsable with all that is wrong."""
    cleaned = clean_name(name), clean_login(login)
    troubles = [each for each in cleaned if isinstance(each, NameProblem)]
    if troubles:
        raise NotUsable(*troubles)
    return cleaned
