"""The house of `house.py` with the sandbox Bitrix24: the application has pages in the portal."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

import aiohttp

from connectors.bitrix24.sandbox.calls import INCOMING, REDIRECTED
from connectors.bitrix24.sandbox.crm_kinds import COMPANY, CONTACT, KINDS, KINDS_BY_NAME, Record
from connectors.bitrix24.sandbox.portal import Author
from tests.e2e.house import CallInCrm, Client, CrmHouse, People, TaskInCrm, lived_in
from tests.e2e.portal_site import ADMIN, ANNA, BORIS, VERA, PortalSite, Row, employees
from tests.lab.office import Office
from tests.lab.ports import free_port
from tests.lab.waiting import until

_TODO = "CRM_TODO"
_FAILURES: dict[str, Literal["missed", "busy", "failed"]] = {"304": "missed", "486": "busy"}


class PortalHouse(CrmHouse):
    people = People(ANNA, BORIS, VERA, ADMIN)
    company, deal, stage = "ООО «Вектор»", "Кухонный гарнитур", "Подготовка документов"
    moves_calls = False

    def __init__(self, office: Office, folder: Path, session: aiohttp.ClientSession) -> None:
        super().__init__(office, folder, session)
        page = f"{self.url}/oauth/bitrix24/house"
        self._crm = PortalSite(free_port(), free_port(), page, has_pages=True)
        self._employ_ivan(self.company)
        self.configure()

    @property
    def crm(self) -> PortalSite:
        return self._crm

    @property
    def _employees(self) -> str:
        return employees()

    async def consent(self) -> None:
        """The portal's administrator installs the application."""
        await self.crm.install(self.session)

    async def install_widget(self) -> None:
        """Dozvon has put its pages into the portal by itself."""
        await until(lambda: self.crm.has_placements)

    async def settled(self) -> None:
        """Everything is delivered; the portal has each call once, and no card is open."""
        await self.dozvon.settled()
        assert all(times == 1 for times in self.crm.counts().values()), self.crm.finished
        assert (self.crm.live, self.crm.cards) == ([], set())

    # ---- the end-to-end list

    async def calls_once(self, count: int = 1, *, recorded: bool = True) -> list[CallInCrm]:
        await self.crm.has_finished(count)
        await self.settled()
        rows = self.crm.finished
        assert len({row["CALL_ID"] for row in rows}) == len(rows) == count, rows
        if recorded:
            for row in rows:
                assert len(self.crm.portal.files[row["RECORD_FILE_ID"]].content) > 1000
        return [_call(row) for row in rows]

    async def rang_nobody(self) -> None:
        """The portal has registered its own call at the click: that one is finished, and no other is there."""
        [call] = await self.calls_once(recorded=False)
        assert (call.seconds, call.why_not) == (0, "failed")

    def contact_named(self, name: str) -> tuple[Client, int]:
        contacts = self.crm.portal.tables[CONTACT]
        found = [each for each in contacts if f"{each['NAME'] or ''} {each['LAST_NAME'] or ''}".strip() == name]
        if len(found) != 1:
            raise LookupError(f"{len(found)} contacts are named {name!r}")
        return ("contact", int(found[0]["ID"])), int(found[0]["ASSIGNED_BY_ID"])

    def add_contact(self, name: str, responsible: int, *numbers: str, task: str = "") -> Client:
        portal, author = self.crm.portal, Author(user_id=responsible)
        phones = [{"TYPE_ID": "PHONE", "VALUE_TYPE": "WORK", "VALUE": f"+{number}"} for number in numbers]
        made = portal.create(KINDS[CONTACT], {"NAME": name, "FM": phones}, author)["ID"]
        if task:
            bound = {"OWNER_TYPE_ID": CONTACT, "OWNER_ID": made}
            planned = {"PROVIDER_ID": _TODO, "SUBJECT": task, "RESPONSIBLE_ID": ANNA, "DEADLINE": time.time() + 3600}
            portal.add_activity({**bound, **planned, "BINDINGS": [bound]}, Author(user_id=ANNA))
        return "contact", int(made)

    def rename_ivan(self, name: str, company: str) -> None:
        self._employ_ivan(company, {"NAME": name, "LAST_NAME": ""})

    def _employ_ivan(self, company: str, more: Record | None = None) -> None:
        portal, kind = self.crm.portal, KINDS[CONTACT]
        (_, ivan), _ = self.contact_named("Иван Петров")
        firm = next((each for each in portal.tables[COMPANY] if each["TITLE"] == company), None)
        firm = firm or portal.create(KINDS[COMPANY], {"TITLE": company}, Author(user_id=ANNA))
        record = portal.object(kind, ivan)
        assert record is not None
        portal.update(kind, record, {"COMPANY_ID": firm["ID"], **(more or {})}, Author(user_id=ANNA))

    def tasks(self, client: Client) -> list[TaskInCrm]:
        planned = [each for each in self._activities(client) if each["PROVIDER_ID"] == _TODO]
        return [TaskInCrm(each["SUBJECT"], each["RESPONSIBLE_ID"], float(each["DEADLINE"] or 0)) for each in planned]

    def texts(self, client: Client) -> list[tuple[str, int | None]]:
        comments = self.crm.portal.comments.values()
        return [(each["COMMENT"], None) for each in comments if (each["ENTITY_TYPE"], each["ENTITY_ID"]) == client]

    def deals(self, contact: Client) -> list[tuple[str, int]]:
        deals = self.crm.portal.tables[KINDS_BY_NAME["DEAL"].id]
        found = [each for each in deals if contact[1] in (each["CONTACT_IDS"] or [])]
        return [(deal["TITLE"], deal["ASSIGNED_BY_ID"]) for deal in found]

    def _activities(self, client: Client) -> list[Row]:
        return self.crm.portal.activities_of(KINDS_BY_NAME[client[0].upper()], client[1])


def _call(row: Row) -> CallInCrm:
    seconds = int(row["CALL_DURATION"])
    kind = str(row["CRM_ENTITY_TYPE"]).lower()
    return CallInCrm(
        direction="in" if row["CALL_TYPE"] in (INCOMING, REDIRECTED) else "out",
        number=str(row["PHONE_NUMBER"]).lstrip("+"),
        manager=int(row["PORTAL_USER_ID"]),
        seconds=seconds,
        client=(kind, int(row["CRM_ENTITY_ID"])) if kind else None,
        why_not="" if row["CALL_FAILED_CODE"] == "200" else _FAILURES.get(row["CALL_FAILED_CODE"], "failed"),
    )


@contextlib.asynccontextmanager
async def open_portal_house(office: Office, folder: Path) -> AsyncIterator[PortalHouse]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        house = PortalHouse(office, folder, session)
        async with lived_in(house):
            yield house
