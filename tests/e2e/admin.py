"""An administrator at the pages of one process, which may have other processes behind the same address."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator, Mapping

import aiohttp

from integration.texts import LANGUAGES
from integration.texts.pages import texts
from tests.e2e.consent import sign_in


class Administrator:
    """
    Args:
        address: from which the forms come, as the configuration has it.
    """

    def __init__(self, session: aiohttp.ClientSession, url: str, address: str) -> None:
        self._session, self._url, self._address = session, url, address

    def at(self, url: str) -> Administrator:
        """The same person, signed in with the same cookie, at another process."""
        return Administrator(self._session, url, self._address)

    async def read(self, path: str) -> str:
        async with self._session.get(f"{self._url}{path}") as said:
            assert said.status == 200, await said.text()
            return await said.text()

    async def send(self, path: str, form: Mapping[str, str] | aiohttp.FormData) -> tuple[str, str]:
        """Post a form. Returns the path and the text of the page after redirects."""
        headers = {"Origin": self._address}
        async with self._session.post(f"{self._url}{path}", data=form, headers=headers) as said:
            assert said.status == 200, await said.text()
            return said.url.path, await said.text()

    async def map_people(self, account: str, phones: Mapping[int, str]) -> None:
        """Give managers these extensions on the page of people; the others stay as the page shows them."""
        page = await self.read(f"/admin/{account}/people")
        form = {f"extension.{manager}": phone_of(page, manager) for manager in managers_of(page)}
        form |= {f"extension.{manager}": extension for manager, extension in phones.items()}
        if shown := re.search(r'name="shown" value="([^"]*)"', page):
            form["shown"] = shown[1]
        headers = {"Origin": self._address}
        async with self._session.post(f"{self._url}/admin/{account}/people", data=form, headers=headers) as said:
            assert said.status == 200, await said.text()
            page = await said.text()
            assert any(texts(language)["saved"] in page for language in LANGUAGES), page

    async def phone(self, account: str, manager: int) -> str:
        """The manager's extension on the page of people; empty: none."""
        return phone_of(await self.read(f"/admin/{account}/people"), manager)


def managers_of(page: str) -> list[int]:
    return [int(number) for number in re.findall(r'<select name="extension\.(\d+)"', page)]


def phone_of(page: str, manager: int) -> str:
    choice = page.partition(f'name="extension.{manager}"')[2].partition("</select>")[0]
    selected = re.search(r'value="([^"]*)"[^>]* selected', choice)
    return selected[1] if selected else ""


@contextlib.asynccontextmanager
async def administrator(url: str, password: str, *, address: str | None = None) -> AsyncIterator[Administrator]:
    """Signed in at the Dozvon at `url`."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        await sign_in(session, url, password)
        yield Administrator(session, url, address or url)
