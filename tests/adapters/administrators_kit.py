"""A running process with two offices, and browsers of administrators who are signed in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from integration.domain.administrators import Administrator, AdministratorId, Role
from integration.domain.ids import AccountId, Timestamp
from integration.ports.administrators import Credentials, Session
from integration.process.config import parse
from integration.process.process import Dozvon
from integration.services.administrators import digest
from tests.databases import with_tables
from tests.lab.ports import free_port

ACME, OTHER = AccountId("acme"), AccountId("other")
PASSWORD = "a password of the file"


@dataclass(frozen=True)
class Answer:
    status: int
    text: str
    headers: Mapping[str, str]

    @property
    def place(self) -> str:
        """Of a redirect."""
        return self.headers.get("Location", "")


@dataclass
class Running:
    dozvon: Dozvon
    _made: int = 0

    async def signed_in(
        self, name: str, role: Role = Role.ADMINISTRATOR, *, offices: frozenset[AccountId] | None = None
    ) -> str:
        """The cookie of a new administrator."""
        self._made += 1
        now = self.dozvon.core.clock.now()
        person = Administrator(
            id=AdministratorId(f"{self._made:032x}"), name=name, login=name.lower(), role=role, language="en",
            created_at=now, offices=offices,
        )  # fmt: skip
        made = Credentials(administrator=person, hash="$argon2id$", mark="mark")
        codes = self.dozvon.core.storage.setup_codes
        await codes.put("c", holder="", now=now, until=Timestamp(now + 60))
        await codes.make_owner("c", made, now=now)
        return await self.session(person)

    async def session(self, person: Administrator) -> str:
        self._made += 1
        token, now = f"{self._made:043}", self.dozvon.core.clock.now()
        session = Session(
            id=digest(token), administrator=person.id, begun_at=now, used_at=now, until=Timestamp(now + 3600),
            browser="", address="127.0.0.1",
        )  # fmt: skip
        await self.dozvon.core.storage.admin_sessions.begin(session, mark="mark", now=now)
        return token

    async def person(self, name: str) -> Administrator:
        found = await self.dozvon.core.storage.administrators.credentials(name.lower())
        assert found is not None
        return found.administrator

    async def ask(
        self,
        method: str,
        path: str,
        cookie: str = "",
        *,
        key: str = "",
        form: dict[str, str] | None = None,
        json: Any = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """`key`: an API key; such a request is a program's, without an origin."""
        own = {"Accept-Language": "en", **({} if key else {"Origin": self.dozvon.url})}
        if cookie:
            own["Cookie"] = f"dozvon_admin={cookie}"
        if key:
            own["Authorization"] = f"Bearer {key}"
        async with (
            aiohttp.ClientSession() as http,
            http.request(
                method,
                self.dozvon.url + path,
                headers={**own, **(headers or {})},
                data=form,
                json=json,
                allow_redirects=False,
            ) as answer,
        ):
            text = "" if answer.content_type == "text/event-stream" else await answer.text()
            return Answer(answer.status, text, answer.headers)


def account(key: AccountId, **changes: Any) -> dict[str, Any]:
    """Its document: neither its CRM nor its PBX answers."""
    return {
        "id": key,
        "amocrm": {"client_id": "1", "client_secret": "s" * 40, "account_hosts": "x", "request_seconds": 1},
        "asterisk": {
            "host": "127.0.0.1", "port": free_port(), "username": "x", "secret": "x",
            "fastagi": {"host": "127.0.0.1", "port": 0},
        },
        **changes,
    }  # fmt: skip


@asynccontextmanager
async def running(folder: Path, *, database: str | None = None, redis: str | None = None) -> AsyncIterator[Running]:
    server: dict[str, Any] = {
        "listen": f"127.0.0.1:{free_port()}", "data_dir": str(with_tables(folder / "data")), "admin_password": PASSWORD,
    }  # fmt: skip
    server |= {"database": database} if database else {}
    server |= {"redis": redis} if redis else {}
    dozvon = Dozvon(parse({"server": server, "account": [account(ACME), account(OTHER)]}))
    await dozvon.start()
    try:
        yield Running(dozvon)
    finally:
        await dozvon.stop()
