"""Browsers of administrators, and the pages about signing in that they open."""

from __future__ import annotations

import html
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web
from aiohttp.test_utils import TestClient

from integration.domain.administrators import Administrator, Role
from integration.services.administrators import Administrators
from integration.texts.pages import texts
from integration.web.pages.session import AdminSessions
from tests.services.conftest import World

FILE_PASSWORD = "a secret of the file"
OLGAS, PETRS = "кофе трамвай окно", "nine green bottles"
Client = TestClient[web.Request, web.Application]


@dataclass(frozen=True)
class Answer:
    status: int
    text: str
    path: str  # after redirects

    def says(self, key: str, lang: str = "en", **facts: object) -> bool:
        return html.escape(texts(lang)[key].format(**facts), quote=False) in self.text.replace("&#39;", "'")


class Browser:
    """With its own cookies; English."""

    def __init__(self, client: Client, name: str) -> None:
        self.client, self._name = client, name

    async def get(self, path: str) -> Answer:
        async with self.client.get(path, headers={"Accept-Language": "en", "User-Agent": self._name}) as answer:
            return Answer(answer.status, await answer.text(), answer.url.path_qs)

    async def post(self, path: str, **form: str) -> Answer:
        own = {"Origin": str(self.client.make_url("/").origin()), "Accept-Language": "en", "User-Agent": self._name}
        async with self.client.post(path, data=form, headers=own) as answer:
            return Answer(answer.status, await answer.text(), answer.url.path_qs)

    @property
    def cookies(self) -> dict[str, str]:
        return {cookie.key: cookie.value for cookie in self.client.session.cookie_jar}

    async def sign_in(self, login: str, password: str) -> Answer:
        return await self.post("/admin/login", login=login, password=password)

    async def is_in(self) -> bool:
        return 'id="present"' in (await self.get("/admin/administrators/me")).text


@dataclass
class Place:
    world: World
    service: Administrators
    sessions: AdminSessions
    open: Callable[[str], Awaitable[Browser]]

    async def owner(self, name: str = "Ольга", login: str = "olga", password: str = OLGAS) -> Browser:
        """A browser in which a new owner was made."""
        browser = await self.open("Firefox/130.0 Windows")
        code = await self.service.issue_setup_code("")
        assert (await browser.get(f"/setup?code={code}")).status == 200
        answer = await browser.post("/setup", name=name, login=login, password=password)
        assert answer.path == "/admin/acme/people", answer.text
        return browser

    async def invited(self, owner: Browser, role: Role = Role.ADMINISTRATOR, login: str = "petr") -> Browser:
        answer = await owner.post("/admin/administrators/invitations", name="Пётр", login=login, role=role.value)
        browser = await self.open("Chrome/126.0 Linux")
        assert (await browser.get(link_in(answer))).status == 200
        answer = await browser.post("/invitation", name="Пётр", password=PETRS)
        assert answer.status in (200, 404), answer.text  # there is no first page here
        return browser

    async def person(self, login: str) -> Administrator:
        found = await self.service.store.credentials(login)
        assert found is not None
        return found.administrator


def link_in(answer: Answer) -> str:
    found = re.search(r">http://[^/<]+(/invitation\?code=[\w-]{43})</pre>", answer.text)
    assert found is not None, answer.text
    return found[1]
