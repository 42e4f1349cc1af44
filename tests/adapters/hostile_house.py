"""A whole Dozvon with two offices, and what a visitor may find on its pages: addresses, forms, fields. No tests here.

Everything of the second office has `MARK` in it, so that a page shows at once if it tells of it.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
from sqlalchemy import Column, Connection, Table

from connectors.amocrm.settings import AmocrmSettings
from connectors.amocrm.webhooks import webhook_secret
from integration.domain.administrators import Administrator, AdministratorId, Role
from integration.domain.api_keys import ApiKey, ApiKeyId, KeyAccess
from integration.domain.call_lists.columns import Mapping as Mapped
from integration.domain.call_lists.columns import Role as ColumnRole
from integration.domain.call_lists.text_files import Encoding
from integration.domain.calls.call import Call, Direction, Disposition
from integration.domain.calls.intents import Intent, IntentKind
from integration.domain.campaigns.model import EntryNumber
from integration.domain.campaigns.plan import CampaignPlan
from integration.domain.crm.entities import Manager
from integration.domain.ids import AccountId, CallId, CampaignId, ManagerId, PbxId, Timestamp
from integration.domain.setup import Step
from integration.ports.administrators import Credentials, Session
from integration.ports.campaign_sounds import RecordedSound
from integration.ports.campaigns import NewEntry
from integration.ports.list_files import FileForm, ReadingChoice
from integration.ports.list_imports import ImportState, ListImport
from integration.ports.stores import OutboxState, SavedStep, Tokens
from integration.process.config import Config, parse
from integration.process.process import Dozvon
from integration.services.administrators import digest
from integration.storage.sql.database import Across
from integration.storage.sql.schema import metadata
from integration.storage.sql.schema.calls import outbox
from integration.web.campaigns.hearing import HEARD
from pbx_adapter.asterisk.simulator import SimulatorSettings, running
from tests.adapters.hostile import FORM, Server
from tests.databases import with_tables
from tests.lab.ports import free_port
from tests.lab.waiting import until
from tests.page_forms import Form, forms_of, urlencoded

MARK = "7731"
NORTH, SOUTH = AccountId("sever"), AccountId(f"iug-{MARK}")
_NAMES = {NORTH: "Север", SOUTH: f"Юг {MARK}"}
_CRM_IDS = {NORTH: 31000001, SOUTH: 31007731}
_CLIENT_IDS = {NORTH: "6f0d3c1e-0000-4000-8000-000000000001", SOUTH: f"6f0d3c1e-0000-4000-8000-00000000{MARK}"}
_SECRETS = {NORTH: "n" * 40, SOUTH: MARK * 10}
_PASSWORD = "a password of the file"
MANAGER = ManagerId("610077")

_PASSING = {"admin_sessions", "leases", "processes", "mirrors", "watches", "setup_codes"}
"""Tables that change without a request, or with each."""
_PASSING_COLUMNS = {"administrators": {"seen_at"}}
_TRIALS = ("reach:", "tried_name")  # of an address, which are kept for an hour at most

_HASH = "md5(coalesce(string_agg(CAST(r AS text), '|' ORDER BY CAST(r AS text)), ''))"
Rows = dict[str, list[tuple[Any, ...]]]


def _lasting(table: Table) -> list[Column[Any]]:
    """The columns that only a request changes."""
    passing = _PASSING_COLUMNS.get(table.name, set())
    return [column for column in table.columns if column.name not in passing]


_ROWS = {
    table.name: f"SELECT {', '.join(column.name for column in _lasting(table))} FROM {table.name}"
    for table in metadata.sorted_tables
    if table.name not in _PASSING
} | {"admin_sessions": "SELECT id, mark FROM admin_sessions"}
"""By table: a query for what `glimpse` looks at."""


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    pattern: str

    @property
    def holes(self) -> list[str]:
        return re.findall(r"\{(\w+)\}", self.pattern)

    @property
    def about(self) -> str:
        return f"{self.method} {self.pattern}"


@dataclass
class House:
    dozvon: Dozvon
    config: Config
    server: Server
    crm: str
    cookies: dict[str, bytes] = field(default_factory=dict)
    forms: list[Form] = field(default_factory=list)

    # ---- who asks

    def headers(self, who: str) -> tuple[bytes, ...]:
        """`owner`; `northerner`, who administers the first office only; `manager`, of its CRM; `nobody`."""
        own = b"Origin: http://127.0.0.1:%d" % self.server.port
        if who == "manager":
            return (b"X-Auth-Token: " + self._token(), b"Origin: " + self.crm.encode())
        return (own, b"Cookie: dozvon_admin=" + self.cookies[who]) if who in self.cookies else (own,)

    def _token(self) -> bytes:
        now = int(time.time())
        claims = {
            "iss": self.crm, "aud": "http://127.0.0.1", "jti": "x", "iat": now, "nbf": now, "exp": now + 600,
            "account_id": _CRM_IDS[NORTH], "user_id": int(MANAGER), "subdomain": "x", "client_uuid": _CLIENT_IDS[NORTH],
            "is_admin": True,
        }  # fmt: skip
        return jwt.encode(claims, _SECRETS[NORTH], algorithm="HS256").encode()

    async def sign_in(self, who: str, number: int, offices: frozenset[AccountId] | None) -> None:
        storage, now = self.dozvon.core.storage, self.dozvon.core.clock.now()
        role = Role.OWNER if offices is None else Role.ADMINISTRATOR
        person = Administrator(
            id=AdministratorId(f"{number:032x}"), name=who, login=who, role=role, language="en", created_at=now,
            offices=offices,
        )  # fmt: skip
        await storage.setup_codes.put("c", holder="", now=now, until=Timestamp(now + 60))
        await storage.setup_codes.make_owner(
            "c", Credentials(administrator=person, hash="$argon2id$", mark="mark"), now=now
        )
        session = Session(
            id=digest(f"{number:043}"), administrator=person.id, begun_at=now, used_at=now,
            until=Timestamp(now + 3600), browser="", address="127.0.0.1",
        )  # fmt: skip
        await storage.admin_sessions.begin(session, mark="mark", now=now)
        self.cookies[who] = f"{number:043}".encode()

    # ---- what there is to ask

    def routes(self) -> list[Route]:
        """All of them, from the router."""
        found = {
            Route(each.method, each.resource.canonical)
            for each in self.dozvon.web.server.app.router.routes()
            if each.resource is not None
        }
        return sorted(found, key=lambda each: each.about)

    def fitting(self, hole: str, office: AccountId) -> str:
        """What stands in a hole of an address of this office. A new hole is to be named here."""
        number = 1 if office == NORTH else 2
        return {
            "account": office, "office": office, "kind": "account", "id": office, "crm": "amocrm", "revision": "1",
            "call": f"{office}-pbx:1.0", "item": str(number), "step": Step.PBX.value, "tail": self._tail(office),
            "administrator": f"{number:032x}", "invitation": f"{number:032x}", "session": digest(f"{number:043}"),
            "name": "admin.css", "number": "0", "ticket": "x" * 43, "consent": "x" * 32, "anything": "x",
            "key": f"{number:032x}", "campaign": f"spring-{number}", "entry": str(number), "file": f"{number:032x}",
            "what": HEARD[0], "sound": f"{number:024x}",
        }[hole]  # fmt: skip

    def _tail(self, office: AccountId) -> str:
        options = {"client_id": _CLIENT_IDS[office], "client_secret": _SECRETS[office]}
        address = f"http://127.0.0.1:{self.server.port}/oauth/amocrm/{office}"
        return webhook_secret(AmocrmSettings.parse({**options, "redirect_uri": address}), office)

    def path(self, route: Route, office: AccountId, instead: Mapping[str, str] | None = None) -> str:
        fills = {hole: self.fitting(hole, office) for hole in route.holes} | dict(instead or {})
        return re.sub(r"\{(\w+)\}", lambda hole: fills[hole[1]], route.pattern)

    def form_for(self, path: str) -> Mapping[str, str]:
        """The fields that a page sends there; empty: no page does."""
        return next((each.every for each in self.forms if each.action == path), {})

    @property
    def names(self) -> list[str]:
        """Of all fields on all pages."""
        return sorted({name for form in self.forms for name in form.every})

    async def look_around(self) -> None:
        """Open every page as the owner, and keep its forms."""
        for office in (NORTH, SOUTH):
            for route in self.routes():
                if route.method != "GET" or not route.pattern.startswith("/admin"):
                    continue
                path = self.path(route, office)
                page = await self.server.ask(b"GET", path.encode(), *self.headers("owner"))
                if page.headers.get(b"content-type", b"").startswith(b"text/html"):
                    self.forms += forms_of(page.body.decode(), path)

    # ---- what is stored

    async def stored(self) -> Rows:
        """All rows of the tables that only a request changes."""

        def work(connection: Connection) -> Rows:
            found = {}
            for table in metadata.sorted_tables:
                if table.name not in _PASSING:
                    query = table.select().with_only_columns(*_lasting(table))
                    rows = [tuple(row) for row in connection.execute(query)]
                    kept = [row for row in rows if table.name != "installation" or not row[0].startswith(_TRIALS)]
                    if table.name == "setups":
                        kept = [_begun(row) for row in kept]
                    found[table.name] = sorted(kept, key=repr)
            return found

        return await self.dozvon.core.storage.database.read(work, Across.BACKUP)

    async def glimpse(self) -> dict[str, Any]:
        """
        By table what differs whenever `stored` or the sessions do. Asked after each request, because it costs a
        fraction of `stored`.

        On PostgreSQL a hash of each table, in one query; on SQLite, which has no hashes, the plain rows.
        """

        def work(connection: Connection) -> dict[str, Any]:
            if connection.dialect.name == "sqlite":
                return {name: connection.exec_driver_sql(query).fetchall() for name, query in _ROWS.items()}
            hashes = (f"SELECT '{name}', {_HASH} FROM ({query}) AS r" for name, query in _ROWS.items())
            return {row[0]: row[1] for row in connection.exec_driver_sql(" UNION ALL ".join(hashes))}

        return await self.dozvon.core.storage.database.read(work, Across.BACKUP)

    async def whole(self) -> dict[str, list[Mapping[str, Any]]]:
        """Everything that `put_back` restores, the sessions too."""

        def work(connection: Connection) -> dict[str, list[Mapping[str, Any]]]:
            kept = [t for t in metadata.sorted_tables if t.name not in _PASSING - {"admin_sessions"}]
            return {table.name: [dict(row._mapping) for row in connection.execute(table.select())] for table in kept}

        return await self.dozvon.core.storage.database.read(work, Across.BACKUP)

    async def put_back(self, whole: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        """The database as it was. The process takes it, as it takes what another process has stored."""

        def work(connection: Connection) -> None:
            tables = [table for table in metadata.sorted_tables if table.name in whole]
            for table in reversed(tables):
                connection.execute(table.delete())
            for table in tables:
                if rows := whole[table.name]:
                    connection.execute(table.insert(), [dict(row) for row in rows])

        await self.dozvon.core.storage.database.write(work, Across.BACKUP)
        # By itself it would do so within a second; until then an account may still be about to go.
        await self.dozvon.reload(self.config)
        assert {NORTH, SOUTH} <= set(self.dozvon.members)
        for account in self.dozvon.core.accounts:
            await self.dozvon.core.accounts.reload(account)
        self._hire()

    def _hire(self) -> None:
        """People of the CRMs, which are away."""
        for office in (NORTH, SOUTH):
            name = f"Анна {MARK if office == SOUTH else ''}"
            self.dozvon.members[office].account.managers = {MANAGER: Manager(id=MANAGER, name=name)}


def _begun(row: Sequence[Any]) -> tuple[Any, ...]:
    """Of work that goes on behind a request (docs/adr/0041) what the request has begun, not how far it is."""
    state = json.loads(row[1])
    for name in ("watch", "rehearsal"):
        if name in state:
            state[name] = state[name]["id"]
    return row[0], json.dumps(state)


def of(office: AccountId, rows: Rows) -> Rows:
    """What belongs to an office."""
    mine = {"account", "office"}
    kept: Rows = {}
    for table in metadata.sorted_tables:
        names = [column.name for column in table.columns]
        place = next((names.index(each) for each in names if each in mine), None)
        if table.name in rows and place is not None:
            kept[table.name] = [row for row in rows[table.name] if row[place] == office]
    return kept


@asynccontextmanager
async def open_house(folder: Path, database: Mapping[str, Any]) -> AsyncIterator[House]:
    """The first office has a simulated telephone system; its CRM, and both of the second office, are away."""
    async with running(SimulatorSettings(spool=folder)) as (pbx, _):
        house = await _opened(folder, database, {NORTH: pbx.ami.port, SOUTH: 1})
        try:
            yield house
        finally:
            await house.dozvon.stop()


async def _give_key(house: House, office: AccountId) -> None:
    key = ApiKey(
        id=ApiKeyId(house.fitting("key", office)), name=f"Key of {_NAMES[office]}", hint="dzv_AbCd", office=office,
        access=KeyAccess.READ, maker=None, made_by="", created_at=house.dozvon.core.clock.now(),
    )  # fmt: skip
    await house.dozvon.core.storage.api_keys.add(key, hash_=digest(f"{office}"), at_most=10)


async def _opened(folder: Path, database: Mapping[str, Any], pbxs: Mapping[AccountId, int]) -> House:
    port, crm = free_port(), f"127.0.0.1:{free_port()}"
    server = {"listen": f"127.0.0.1:{port}", "data_dir": str(with_tables(folder / "data")), "admin_password": _PASSWORD}
    server["trusted_proxies"] = "127.0.0.1"
    config = parse({"server": server, **database})
    dozvon = Dozvon(config)
    await dozvon.start()
    house = House(dozvon, config, Server(port), f"http://{crm}")
    try:
        await house.sign_in("owner", 2, None)
        await house.sign_in("northerner", 1, frozenset({NORTH}))
        for office in (NORTH, SOUTH):
            await _furnish(house, office, crm, pbxs[office])
            await _give_key(house, office)
        await until(lambda: {NORTH, SOUTH} <= set(dozvon.members))
        house._hire()
        await house.look_around()
    except BaseException:
        await dozvon.stop()
        raise
    return house


async def _furnish(house: House, office: AccountId, crm: str, pbx: int) -> None:
    """Set an office up on the wizard's pages, with a call and a delivery that failed."""
    storage, now = house.dozvon.core.storage, house.dozvon.core.clock.now()
    tokens = Tokens(
        access="a", refresh="r", expires_at=Timestamp(now + 3600), base_url=f"http://{crm}",
        crm_account_id=str(_CRM_IDS[office]),
    )  # fmt: skip
    await storage.tokens.save(office, tokens)
    own = MARK if office == SOUTH else "0001"
    steps: list[tuple[str, dict[str, str]]] = [
        ("new", {"name": _NAMES[office], "country": "RU", "language": "ru"}),
        (
            f"{office}/pbx",
            {
                "flavour": "asterisk", "host": "127.0.0.1", "port": str(pbx), "secret": "dozvon-secret",
                "username": f"user{MARK}" if office == SOUTH else "dozvon",
            },
        ),
        (
            f"{office}/crm",
            {
                "variant": "amocrm", "client_id": _CLIENT_IDS[office], "client_secret": _SECRETS[office],
                "oauth_url": f"http://{crm}/oauth", "account_hosts": crm.replace(".", r"\."), "api_host": crm,
            },
        ),
        (f"{office}/lines", {"do": "add", "new_line": f"7495000{own}", "new_name": f"Реклама {own}"}),
    ]  # fmt: skip
    for path, fields in steps:
        answer = await house.server.ask(
            b"POST", f"/admin/setup/{path}".encode(), *house.headers("owner"), body=(FORM, urlencoded(fields.items()))
        )
        assert answer.status == 303, (path, answer.status, answer.body.decode())
    call = Call(
        id=CallId(f"{office}-pbx:1.0"), account=office, pbx=PbxId(f"{office}-pbx"), native_id="1.0",
        direction=Direction.INBOUND, caller=f"7916123{own}", called=f"7495000{own}", started_at=now,
        ended_at=now, disposition=Disposition.MISSED,
    )  # fmt: skip
    intent = Intent(call=call.id, kind=IntentKind.LOG_CALL, key="log_call")
    await storage.calls.save([SavedStep(call=call, intents=[intent], event={"type": "started", "at": now})])
    await storage.recordings.put(office, call.id, b"mp3" * 100)
    dead = outbox.update().where(outbox.c.account == office).values(state=OutboxState.DEAD.value, last_error="no")
    await storage.database.write(lambda connection: connection.execute(dead), office)
    await _furnish_campaign(house, office, own)


async def _furnish_campaign(house: House, office: AccountId, own: str) -> None:
    """A campaign with an entry, a number that is not called, and a file whose columns wait to be looked at."""
    storage, now = house.dozvon.core.storage, house.dozvon.core.clock.now()
    campaign = CampaignId(house.fitting("campaign", office))
    await storage.campaigns.make(office, campaign, CampaignPlan(name=f"Обзвон {own}"), by=f"Ольга {own}")
    sound = RecordedSound(
        id=house.fitting("sound", office), name=f"Запись {own}", seconds=1.0, added_at=Timestamp(1.0), added_by="Ольга"
    )
    await storage.campaign_sounds.put(office, campaign, sound, b"RIFF")
    new = NewEntry(numbers=(EntryNumber(e164=f"+7916555{own}"),), name=f"Клиент {own}", comment=own)
    await storage.entries.add(office, campaign, [new], office=office)
    await storage.do_not_call.add(office, [f"+7916556{own}"], lists_of=[office], by="Ольга", why=own)
    made = ListImport(
        id=house.fitting("file", office), account=office, office=office, campaign=campaign, state=ImportState.PREVIEW,
        file_name=f"{own}.csv", size=1, digest=own, form=FileForm(encoding=Encoding.UTF_8), choice=ReadingChoice(),
        mapping=Mapped((ColumnRole.PHONE,), 0), rows=1, made_at=now, made_by=own,
    )  # fmt: skip
    await storage.list_imports.begin(made, f"+7916557{own}".encode())
