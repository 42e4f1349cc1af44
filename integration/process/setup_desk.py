"""What the wizard does with an office: its stored parts, half-filled forms, and its telephone system."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from integration.documents.fields import ROUTE_WORDS
from integration.domain.access import Permission, allowed_everywhere, viewer_of
from integration.domain.administrators import AdministratorId
from integration.domain.connections.state import ConnectionState, worst
from integration.domain.ids import AccountId, PbxId
from integration.domain.settings_changes import BY_FILE, Author
from integration.domain.setup import Facts, Step, numbered, office_id
from integration.errors import ConfigError, NotFound, Unavailable
from integration.ports.connector import Connector
from integration.ports.crm_setup import CrmSetup
from integration.ports.findings import Finding
from integration.ports.offices import Seen, StoredOffice
from integration.ports.pbx_setup import PbxSetup, Preparation
from integration.ports.setups import SetupState, SetupStore
from integration.process.adapters import CRMS, PBXS
from integration.process.address_check import examine_address
from integration.process.config import Config, PbxConfig, with_offices
from integration.process.connections import setup_of
from integration.process.core import Core
from integration.process.office_documents import joined, read
from integration.process.office_edits import OfficeEdits
from integration.process.server_settings import Value, server_values
from integration.services.connection_states import ConnectionStates
from integration.web.consent import oauth_path
from integration.web.setup.desk import NEW, OfficeParts
from integration.web.setup.proxies import InstalledAs

_ANY_PORT = 9
_PACKAGE = Path("/usr/lib/dozvon")  # where the Debian package has its environment (docs/adr/0032)
_MOMENTS, _MOMENT_SECONDS = 20, 0.1  # within which the supervisor starts what was stored
Key = TypeVar("Key", bound=str)
_TRIES = 5  # of two administrators who begin offices of the same name


class SetupDesk:
    """Implements `integration.web.setup.desk.SetupDesk`."""

    def __init__(self, core: Core, edits: OfficeEdits, states: ConnectionStates, config: Callable[[], Config]) -> None:
        self._core = core
        self._edits = edits
        self._states = states
        self._config = config

    @property
    def store(self) -> SetupStore:
        return self._core.storage.setups

    @property
    def public_url(self) -> str:
        return self._config().public_url

    @property
    def has_public_url(self) -> bool:
        """Whether somebody has decided about it: in the file or here."""
        config = self._config()
        return config.has_public_url or config.is_stored_url

    @property
    def is_url_in_file(self) -> bool:
        return self._config().has_public_url

    @property
    def listens(self) -> str:
        """Where a proxy on this machine reaches the process."""
        config = self._config()
        host = "127.0.0.1" if config.host in ("", "0.0.0.0", "::") else config.host  # noqa: S104 - compared only
        return f"{host}:{config.port}"

    @property
    def installed_as(self) -> InstalledAs:
        return installed_as(Path(sys.prefix), os.environ)

    async def set_public_url(self, url: str) -> None:
        """Every process starts again with it within seconds. Raises: Unavailable."""
        await self._core.storage.installation.set_public_url(url)

    async def examine_address(self, url: str) -> list[Finding]:
        return await examine_address(url, self._core.session, self._core.storage.installation)

    async def take_ticket(self, ticket: str) -> bool:
        """Whether this installation issued it, to find out who answers at an address. Raises: Unavailable."""
        return await self._core.storage.installation.take_ticket(ticket)

    @property
    def in_file(self) -> frozenset[AccountId]:
        """Offices of the configuration file, which the pages cannot change."""
        return frozenset(each.office for each in self._config().accounts)

    async def begin(self, state: SetupState, *, by: AdministratorId | None) -> AccountId:
        """
        Begin an office; its id is made from its name. The same form again is the same office: its answer was lost, or
        the button was pressed twice. Raises: Unavailable.

        Args:
            by: who gets the right to it; None: with the configuration file's password.
        """
        for _ in range(_TRIES):
            stored = {each.office for each in await self._core.storage.offices.all(with_secrets=False)}
            begun = {each.office: each.form for each in await self.store.all()}
            if state.form in begun.values() and state.form:
                return next(office for office, form in begun.items() if form == state.form)
            taken = {*ROUTE_WORDS, *stored, *begun, *self._core.members, *self._core.offices.known}
            office = AccountId(office_id(state.name, taken))
            if await self.store.begin(office, replace(state, office=office), by=by):
                return office
        raise Unavailable("Others begin offices of this name at this moment: try again")

    async def offices(self) -> list[SetupState]:
        """Those that were begun here, and those that `dozvon apply` or REST have stored. Raises: Unavailable."""
        found = {each.office: each for each in await self.store.all()}
        for each in await self._core.storage.offices.all(with_secrets=False):
            if each.parts and each.office not in found:
                found[each.office] = _of_parts(each)
        return sorted(found.values(), key=lambda each: (each.name.casefold(), each.office))

    async def names(self) -> dict[AccountId, str]:
        """All offices with their names; empty for one without. Raises: Unavailable."""
        found = {each.office: "" for each in self._config().accounts}
        found |= {each.office: each.settings.name for each in self._config().accounts if each.office == each.id}
        return found | {each.office: each.name for each in await self.offices()}

    async def state(self, office: AccountId) -> SetupState:
        """Raises: NotFound, Unavailable."""
        found = await self.store.get(office)
        if found is not None:
            return found
        stored = await self._core.storage.offices.get(office)
        if not stored.parts:
            raise NotFound(f"there is no office {office}")
        made = _of_parts(stored)
        await self.store.begin(office, made)
        return await self.store.get(office) or made

    async def parts(self, office: AccountId, *, pbx: str = "", account: str = "") -> OfficeParts:
        """
        Args:
            pbx: the telephone system that is worked on; empty: the first one; `new`: one that is not stored yet.
            account: likewise.

        Raises: NotFound, there is none of this id. Unavailable.
        """
        stored = await self._core.storage.offices.get(office)
        pbxs = {PbxId(key): own for key, own in _of_kind(stored, "pbx/").items()}
        accounts = {AccountId(key): own for key, own in _of_kind(stored, "account/").items()}
        chosen = _chosen(accounts, account)
        people: dict[AccountId, int] = {}
        if chosen is not None:
            now = await self._core.storage.settings.current(chosen)
            people[chosen] = 0 if now is None else now.revision
        return OfficeParts(
            office=office,
            seen=Seen(office=stored.revision, people=people),
            pbxs=pbxs,
            accounts=accounts,
            pbx=_chosen(pbxs, pbx),
            account=chosen,
            secrets=frozenset(stored.secrets),
        )

    def new_pbx(self, parts: OfficeParts) -> PbxId:
        """An id for another telephone system of the office."""
        taken = {*parts.pbxs, *self._core.pbxs}
        return next(each for each in map(PbxId, numbered(f"{parts.office}-pbx")) if each not in taken)

    def new_account(self, parts: OfficeParts) -> AccountId:
        """An id for another account of the office; of the first one the office's own."""
        taken = {*parts.accounts, *self._core.members, *(self._core.offices.known - {parts.office})}
        return next(each for each in map(AccountId, numbered(str(parts.office))) if each not in taken)

    async def remove(self, office: AccountId, part: str, *, seen: Seen, who: Author) -> Seen:
        """As `OfficeEdits.remove`."""
        return await self._edits.remove(office, part, seen=seen, who=who)

    async def put(self, office: AccountId, part: str, document: Mapping[str, Any], *, seen: Seen, who: Author) -> Seen:
        """As `OfficeEdits.put`. What the author may is read again."""
        return await self._edits.put(
            office,
            part,
            document,
            seen=seen,
            who=who,
            allowed=await self._allowed(who),
            proposed=await _proposed(part, document),
        )

    async def _allowed(self, who: Author) -> frozenset[Permission]:
        """In the whole installation. Raises: Unavailable."""
        if who.administrator == BY_FILE:
            return allowed_everywhere(viewer_of(None, who))
        person = await self._core.storage.administrators.get(AdministratorId(who.administrator))
        return frozenset() if person is None else allowed_everywhere(viewer_of(person, who))

    @property
    def crms(self) -> Mapping[str, CrmSetup]:
        """What each kind of CRM needs, by the kind's name."""
        return {name: kind.setup for name, kind in CRMS.items()}

    def addresses(self, crm: str, account: AccountId) -> tuple[str, str]:
        """Where the CRM sends the browser after the consent, and where it says that it was switched off."""
        return f"{self.public_url}{oauth_path(crm, account)}", f"{self.public_url}/hooks/{crm}/{account}/disconnected"

    def widget(self, crm: str) -> tuple[str, bytes] | None:
        """The widget's archive with its file's name; None: this CRM takes none. Raises: ConfigError."""
        return CRMS[crm].widget(self.public_url)

    async def connector(self, account: AccountId) -> Connector | None:
        """Of an account that runs, or will within a moment after it was stored; None: it does not."""
        for _ in range(_MOMENTS):
            member = self._core.members.get(account)
            if member is not None:
                return member.connector
            await asyncio.sleep(_MOMENT_SECONDS)
        return None

    async def facts(self, state: SetupState, parts: OfficeParts) -> Facts:
        account = None if parts.account is None else self._core.accounts.get(parts.account)
        mapped = sum(1 for each in account.settings.employees if each.manager) if account is not None else 0
        return Facts(
            done=state.done,
            has_pbx=bool(parts.pbxs) or bool(account and account.pbxs),
            has_crm=bool(parts.accounts),
            pbx=worst(self._states.pbx(each) for each in parts.pbxs) if account is not None else None,
            crm=worst(self._states.crm(each) for each in parts.accounts),
            mapped=mapped,
        )

    def pbx_state(self, pbx: PbxId) -> ConnectionState:
        return self._states.pbx(pbx)

    def crm_state(self, account: AccountId) -> ConnectionState:
        return self._states.crm(account)

    # ---- the telephone system -----------------------------------------------------------------------------------

    @property
    def pbx_kind(self) -> str:
        """Of a new one."""
        return next(iter(PBXS))

    @property
    def flavours(self) -> Mapping[str, str]:
        """What an administrator chooses among: key and label."""
        return {each.key: each.label for kind in PBXS.values() for each in kind.flavours}

    async def completed(
        self, parts: OfficeParts, kind: str, options: Mapping[str, Any], flavour: str
    ) -> Mapping[str, Any]:
        """The options with what the flavour needs, and a secret where there is none. Raises: Unavailable."""
        address = await _own_address(str(options.get("host", "")))
        kept = await self._secrets(parts)
        return PBXS[kind].preparation({**kept, **options}, flavour=flavour, server_address=address).options

    async def preparation(self, parts: OfficeParts, flavour: str) -> Preparation:
        """What to enter on the PBX. Contains its secret. Raises: NotFound, ConfigError, Unavailable."""
        pbx = await self._pbx(parts)
        address = await _own_address(str(pbx.options.get("host", "")))
        return PBXS[pbx.kind].preparation(pbx.options, flavour=flavour, server_address=address)

    async def trial(self, parts: OfficeParts) -> PbxSetup:
        """Its methods log in beside the running connection. Raises: NotFound, ConfigError, Unavailable."""
        return self._core.kinds.trial(await self._pbx(parts))

    async def trial_of(self, office: AccountId, pbx: PbxId) -> PbxSetup:
        """Raises: as `trial`."""
        found = (await self.trials(office)).get(pbx)
        if found is None:
            raise NotFound(f"the office {office} has no telephone system {pbx}")
        return found

    async def trials(self, office: AccountId) -> Mapping[PbxId, PbxSetup]:
        """Of all telephone systems of an office. Raises: ConfigError, Unavailable."""
        return {each.id: self._core.kinds.trial(each) for each in await self._pbxs(office)}

    async def _pbx(self, parts: OfficeParts) -> PbxConfig:
        found = next((each for each in await self._pbxs(parts.office) if each.id == parts.pbx), None)
        if found is None:
            raise NotFound(f"the office {parts.office} has no telephone system yet")
        return found

    async def _pbxs(self, office: AccountId) -> tuple[PbxConfig, ...]:
        stored = await self._core.storage.offices.get(office)
        pbxs = {part: own for part, own in stored.parts.items() if part.startswith("pbx/")}
        if not pbxs:
            return ()
        found = read(joined(pbxs, stored.secrets))
        bare = replace(self._config(), accounts=(), pbxs=())
        return setup_of(with_offices(bare, [found])).pbxs

    async def _secrets(self, parts: OfficeParts) -> dict[str, Any]:
        """The plain ones of the telephone system."""
        try:
            options = (await self._pbx(parts)).options
        except (NotFound, ConfigError):
            return {}
        return {key: options[key] for key in ("secret",) if key in options}


def installed_as(prefix: Path, environment: Mapping[str, str]) -> InstalledAs:
    """
    Args:
        prefix: of the running Python.
        environment: docker-compose.yml sets `DOZVON_INSTALLED_AS`.
    """
    if environment.get("DOZVON_INSTALLED_AS") == InstalledAs.COMPOSE:
        return InstalledAs.COMPOSE
    return InstalledAs.PACKAGE if prefix == _PACKAGE else InstalledAs.OTHER


async def _proposed(part: str, document: Mapping[str, Any]) -> list[Value]:
    """What this machine proposes for the PBX in a document: the address where the PBX reaches us."""
    found: list[Value] = []
    for name, kind in PBXS.items():
        table = document.get(name)
        if isinstance(table, Mapping):
            host = str(table.get("host", ""))
            flavour = str(table.get("flavour") or kind.flavours[0].key)
            bare = kind.preparation({"host": host}, flavour=flavour, server_address=await _own_address(host))
            found += server_values(part, {name: bare.options})
    return found


async def _own_address(host: str) -> str:
    """This machine's address on the way to `host`; the loopback if there is no way. Sends nothing."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, _ANY_PORT, type=socket.SOCK_DGRAM)
        family, kind, protocol, _, address = found[0]
        with socket.socket(family, kind, protocol) as way:
            way.connect(address)
            return str(way.getsockname()[0])
    except (OSError, UnicodeError, IndexError):
        return "127.0.0.1"


def _of_kind(stored: StoredOffice, kind: str) -> dict[str, Mapping[str, Any]]:
    """The documents of one kind by id, in the order of their ids."""
    return {part.removeprefix(kind): dict(stored.parts[part]) for part in sorted(stored.parts) if part.startswith(kind)}


def _chosen(among: Mapping[Key, Any], wish: str) -> Key | None:
    """Raises: NotFound."""
    if wish in ("", NEW):
        return next(iter(among), None) if not wish else None
    found = next((each for each in among if each == wish), None)
    if found is None:
        raise NotFound(f"there is no {wish} in this office")
    return found


def _of_parts(stored: StoredOffice) -> SetupState:
    """Of an office that was not begun in the browser. What it has counts as done."""
    document = next((own for part, own in sorted(stored.parts.items()) if part.startswith("account/")), {})
    done = {Step.OFFICE: 0.0, **({Step.PBX: 0.0, Step.CRM: 0.0, Step.LINES: 0.0} if document else {})}
    return SetupState(
        office=stored.office,
        name=str(document.get("name") or stored.office),
        country=str(document.get("country", "RU")),
        language=str(document.get("language", "ru")),
        time_zone=str(document.get("time_zone", "")),
        done=done,  # type: ignore[arg-type]
    )
