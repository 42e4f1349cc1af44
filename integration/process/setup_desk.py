"""What the wizard does with an office: its stored parts, half-filled forms, and its telephone system."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from integration.documents.fields import ROUTE_WORDS
from integration.domain.ids import AccountId, PbxId
from integration.domain.settings_changes import Author
from integration.domain.setup import Facts, Step, office_id
from integration.errors import ConfigError, NotFound, Unavailable
from integration.ports.connector import Connector
from integration.ports.crm_setup import CrmSetup
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
from integration.services.connection_states import ConnectionStates
from integration.web.consent import oauth_path
from integration.web.setup.address_lights import AddressLight
from integration.web.setup.desk import OfficeParts

_ANY_PORT = 9
_MOMENTS, _MOMENT_SECONDS = 20, 0.1  # within which the supervisor starts what was stored
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

    async def set_public_url(self, url: str) -> None:
        """Every process starts again with it within seconds. Raises: Unavailable."""
        await self._core.storage.installation.set_public_url(url)

    async def examine_address(self, url: str) -> list[AddressLight]:
        return await examine_address(url, self._core.session, self._core.coordination)

    @property
    def in_file(self) -> frozenset[AccountId]:
        """Offices of the configuration file, which the pages cannot change."""
        return frozenset(each.office for each in self._config().accounts)

    async def begin(self, state: SetupState) -> AccountId:
        """Begin an office; its id is made from its name. Raises: Unavailable."""
        for _ in range(_TRIES):
            stored = {each.office for each in await self._core.storage.offices.all(with_secrets=False)}
            begun = {each.office for each in await self.store.all()}
            taken = {*ROUTE_WORDS, *stored, *begun, *self._core.members, *self._core.offices.known}
            office = AccountId(office_id(state.name, taken))
            if await self.store.begin(office, replace(state, office=office)):
                return office
        raise Unavailable("Others begin offices of this name at this moment: try again")

    async def offices(self) -> list[SetupState]:
        """Those that were begun here, and those that `dozvon apply` or REST have stored. Raises: Unavailable."""
        found = {each.office: each for each in await self.store.all()}
        for each in await self._core.storage.offices.all(with_secrets=False):
            if each.parts and each.office not in found:
                found[each.office] = _of_parts(each)
        return sorted(found.values(), key=lambda each: (each.name.casefold(), each.office))

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

    async def parts(self, office: AccountId) -> OfficeParts:
        """Raises: Unavailable."""
        stored = await self._core.storage.offices.get(office)
        account = next((part for part in sorted(stored.parts) if part.startswith("account/")), None)
        pbx = next((part for part in sorted(stored.parts) if part.startswith("pbx/")), None)
        people: dict[AccountId, int] = {}
        if account is not None:
            key = AccountId(account.removeprefix("account/"))
            now = await self._core.storage.settings.current(key)
            people[key] = 0 if now is None else now.revision
        return OfficeParts(
            office=office,
            seen=Seen(office=stored.revision, people=people),
            pbx=None if pbx is None else PbxId(pbx.removeprefix("pbx/")),
            pbx_document={} if pbx is None else dict(stored.parts[pbx]),
            account=None if account is None else AccountId(account.removeprefix("account/")),
            account_document={} if account is None else dict(stored.parts[account]),
            secrets=frozenset(stored.secrets),
        )

    async def put(self, office: AccountId, part: str, document: Mapping[str, Any], *, seen: Seen, who: Author) -> Seen:
        """As `OfficeEdits.put`."""
        return await self._edits.put(office, part, document, seen=seen, who=who)

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
            has_pbx=parts.pbx is not None or bool(account and account.pbxs),
            has_crm=parts.account is not None,
            pbx=self._states.pbx(parts.pbx) if parts.pbx is not None and account is not None else None,
            crm=self._states.crm(parts.account) if parts.account is not None else None,
            mapped=mapped,
        )

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
        self, office: AccountId, kind: str, options: Mapping[str, Any], flavour: str
    ) -> Mapping[str, Any]:
        """The options with what the flavour needs, and a secret where there is none. Raises: Unavailable."""
        address = await _own_address(str(options.get("host", "")))
        kept = await self._secrets(office)
        return PBXS[kind].preparation({**kept, **options}, flavour=flavour, server_address=address).options

    async def preparation(self, office: AccountId, flavour: str) -> Preparation:
        """What to enter on the PBX. Contains its secret. Raises: NotFound, ConfigError, Unavailable."""
        pbx = await self._pbx(office)
        address = await _own_address(str(pbx.options.get("host", "")))
        return PBXS[pbx.kind].preparation(pbx.options, flavour=flavour, server_address=address)

    async def trial(self, office: AccountId) -> PbxSetup:
        """Its methods log in beside the running connection. Raises: NotFound, ConfigError, Unavailable."""
        return self._core.kinds.trial(await self._pbx(office))

    async def _pbx(self, office: AccountId) -> PbxConfig:
        stored = await self._core.storage.offices.get(office)
        pbxs = {part: own for part, own in stored.parts.items() if part.startswith("pbx/")}
        if not pbxs:
            raise NotFound(f"the office {office} has no telephone system yet")
        found = read(joined(pbxs, stored.secrets))
        bare = replace(self._config(), accounts=(), pbxs=())
        return setup_of(with_offices(bare, [found])).pbxs[0]

    async def _secrets(self, office: AccountId) -> dict[str, Any]:
        """The plain ones of its first telephone system."""
        try:
            options = (await self._pbx(office)).options
        except (NotFound, ConfigError):
            return {}
        return {key: options[key] for key in ("secret",) if key in options}


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
