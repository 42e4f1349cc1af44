"""The CRM of an account of the stand: a sandbox amoCRM, or a sandbox portal of Bitrix24 that follows live calls."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import uuid4

import aiohttp

from integration.domain.ids import AccountId
from tests.e2e.consent import consent
from tests.e2e.crm_site import ANNA, DMITRY, CrmSite, employees
from tests.e2e.portal_site import ADMIN, PortalSite
from tests.e2e.portal_site import employees as portal_employees
from tests.lab.ports import free_port

_RATE_OF_AMOCRM = "requests_per_second = 6.9\n"
_RATE_OF_PORTAL = "burst = 250\nrequests_per_second = 5.0\n"  # of an Enterprise portal


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A call as the CRM has it. `link`: of the recording at Dozvon; `bytes_`: of one that the CRM holds itself."""

    at: float
    seconds: int
    link: str = ""
    bytes_: int = 0


class CrmSide(Protocol):
    default_responsible: int

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def away(self) -> None: ...

    async def back(self) -> None: ...

    def heal(self) -> None: ...

    def fail(self, kind: str, *, status: int, seconds: float, count: int) -> None: ...

    def table(self) -> str:
        """Its part of Dozvon's configuration."""

    def employees(self) -> str: ...

    def add_contact(self, name: str, numbers: Sequence[str]) -> int:
        """Before it is connected. Returns its id."""

    async def connect(self, url: str, password: str, session: aiohttp.ClientSession) -> None:
        """What the CRM's administrator does once."""

    async def click(
        self, url: str, number: str, session: aiohttp.ClientSession, timeout: aiohttp.ClientTimeout
    ) -> None:
        """Anna presses a number on the CRM's page."""

    def counts(self, clicked: Mapping[str, str]) -> Counter[str]:
        """How often the CRM has each call, by its key. `clicked`: the key of a call that the CRM began, by its id."""

    def records(self, clicked: Mapping[str, str]) -> dict[str, Record]: ...

    def in_inbox(self) -> int: ...

    def has_task(self, number: str) -> bool:
        """Whether there is, or was, a task about this client of `add_contact`."""

    def complaints(self) -> list[str]:
        """What must not be left when everything is delivered."""


class AmocrmSide:
    default_responsible = DMITRY

    def __init__(self, account: AccountId, url: str) -> None:
        self.account = account
        self._contacts: dict[str, int] = {}  # by number
        self.site = CrmSite(free_port(), f"{url}/oauth/amocrm/{account}", f"{url}/hooks/amocrm/{account}/disconnected")
        self.start, self.stop = self.site.start, self.site.stop
        self.away, self.back, self.heal = self.site.away, self.site.back, self.site.heal

    def fail(self, kind: str, *, status: int, seconds: float, count: int) -> None:
        self.site.fail(kind, status=status, seconds=seconds, count=count)

    def table(self) -> str:
        return self.site.table() + _RATE_OF_AMOCRM

    def employees(self) -> str:
        return employees()

    def add_contact(self, name: str, numbers: Sequence[str]) -> int:
        contact = self.site.add_contact(name, *numbers)
        self._contacts |= dict.fromkeys(numbers, contact)
        return contact

    async def connect(self, url: str, password: str, session: aiohttp.ClientSession) -> None:
        await consent(url, self.site, self.account, password)

    async def click(
        self, url: str, number: str, session: aiohttp.ClientSession, timeout: aiohttp.ClientTimeout
    ) -> None:
        page = {"Cookie": f"crm_user={self.site.account.id}:{ANNA}"}
        form = {"client_id": self.site.client_id}
        asked = session.post(f"{self.site.url}/page/widget_token", json=form, headers=page, timeout=timeout)
        async with asked as answer:
            token = (await answer.json())["token"]
        headers = {"X-Auth-Token": token, "Origin": self.site.url}
        body = {"number": number, "request": uuid4().hex}
        pressed = session.post(f"{url}/api/widget/call", json=body, headers=headers, timeout=timeout)
        async with pressed as answer:
            await answer.read()

    def counts(self, clicked: Mapping[str, str]) -> Counter[str]:
        return self.site.counts()

    def records(self, clicked: Mapping[str, str]) -> dict[str, Record]:
        found = {note["params"]["uniq"]: _record(note["params"], note["created_at"]) for note in self.site.call_notes()}
        for entry in self.site.unsorted():
            found[entry["metadata"]["uniq"]] = _record(entry["metadata"], entry["metadata"]["called_at"])
        return found

    def in_inbox(self) -> int:
        return len(self.site.unsorted())

    def has_task(self, number: str) -> bool:
        return bool(self.site.tasks(self._contacts[number]))

    def complaints(self) -> list[str]:
        return []


def _record(written: Mapping[str, Any], at: float) -> Record:
    return Record(at=float(at), seconds=int(written.get("duration") or 0), link=str(written.get("link") or ""))


class PortalSide:
    default_responsible = ADMIN

    def __init__(self, account: AccountId, url: str) -> None:
        self.site = PortalSite(free_port(), free_port(), f"{url}/oauth/bitrix24/{account}")
        self.site.portal.is_enterprise = True
        self.start, self.stop = self.site.start, self.site.stop
        self.away, self.back, self.heal = self.site.away, self.site.back, self.site.heal

    def fail(self, kind: str, *, status: int, seconds: float, count: int) -> None:
        """429 is a portal's 503 for too many requests; 401 an access token that it does not take any more."""
        code = {429: "QUERY_LIMIT_EXCEEDED", 401: "expired_token"}.get(status, "INTERNAL_SERVER_ERROR")
        self.site.fail(kind, status=503 if status == 429 else status, code=code, seconds=seconds, count=count)

    def table(self) -> str:
        return self.site.table() + _RATE_OF_PORTAL

    def employees(self) -> str:
        return portal_employees()

    def add_contact(self, name: str, numbers: Sequence[str]) -> int:
        return self.site.add_contact(name, *numbers)

    async def connect(self, url: str, password: str, session: aiohttp.ClientSession) -> None:
        await self.site.install(session)

    async def click(
        self, url: str, number: str, session: aiohttp.ClientSession, timeout: aiohttp.ClientTimeout
    ) -> None:
        await self.site.click(session, f"+{number}")

    def counts(self, clicked: Mapping[str, str]) -> Counter[str]:
        """Clicks that never rang are in the portal only."""
        return Counter(key for row in self.site.finished if (key := _key(row, clicked)))

    def records(self, clicked: Mapping[str, str]) -> dict[str, Record]:
        files = self.site.portal.files
        return {
            key: Record(
                at=float(row["CALL_START_DATE"]),
                seconds=row["CALL_DURATION"],
                bytes_=len(files[row["RECORD_FILE_ID"]].content) if row["RECORD_FILE_ID"] else 0,
            )
            for row in self.site.finished
            if (key := _key(row, clicked))
        }

    def in_inbox(self) -> int:
        return 0

    def has_task(self, number: str) -> bool:
        return any(number[-10:] in re.sub(r"\D", "", str(task)) for task in self.site.portal.tasks.values())

    def complaints(self) -> list[str]:
        """A click whose event met no process is lost with its card: the portal posts it once."""
        ours = {live.id for live in self.site.live if live.external_id}
        ours |= {str(row["CALL_ID"]) for row in self.site.finished}
        live = [f"never finished in the portal: {each.external_id}" for each in self.site.live if each.external_id]
        return [*live, *(f"an open card: {id_} of {user}" for id_, user in self.site.cards if id_ in ours)]


def _key(row: Mapping[str, Any], clicked: Mapping[str, str]) -> str:
    return str(row["EXTERNAL_CALL_ID"] or clicked.get(str(row["CALL_ID"]), ""))
