"""The administrator's steps to connect an account: sign in to Dozvon, press "connect", allow it on the CRM's page."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import aiohttp
from yarl import URL

from tests.e2e.crm_site import DMITRY, CrmSite

_ATTEMPTS, _BRAKE_SECONDS = 4, 75.0


async def consent(url: str, crm: CrmSite, account: str, password: str) -> None:
    """
    Connect `account` of the Dozvon at `url` with the CRM, as Dmitry.

    Raises:
        AssertionError: the last page was not the page of people.
    """
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as person:
        await sign_in(person, url, password)
        sent = await _asked(person, "GET", f"{url}/admin/{account}/connect", allow_redirects=False)
        query = URL(sent.headers["Location"]).query
        form = {
            "decision": "allow",
            "account_id": str(crm.account.id),
            "client_id": query["client_id"],
            "state": query["state"],
        }
        cookie = {"Cookie": f"crm_user={crm.account.id}:{DMITRY}"}
        allowed = await _asked(person, "POST", f"{crm.url}/oauth", data=form, headers=cookie, allow_redirects=False)
        done = await _asked(person, "GET", allowed.headers["Location"])
        assert done.status == 200, f"{done.status}: {_words(await done.text())}"
        assert f"/admin/{account}/people" in str(done.url)


def _words(page: str) -> str:
    """What a person reads on the page."""
    return " ".join(re.sub(r"<[^>]*>", " ", page).split())


async def sign_in(person: aiohttp.ClientSession, url: str, password: str) -> None:
    """
    Sign in to the Dozvon at `url`; the session keeps the cookie. After wrong passwords, of another test for example,
    this address has to wait.
    """

    for _ in range(_ATTEMPTS):
        answer = await _asked(person, "POST", f"{url}/admin/login", data={"password": password, "next": "/admin"})
        if answer.status != 429:
            break
        await asyncio.sleep(_BRAKE_SECONDS / (_ATTEMPTS - 1))  # each attempt counts, so few are made
    assert answer.status == 200, answer.status


async def _asked(person: aiohttp.ClientSession, method: str, url: str, **arguments: Any) -> aiohttp.ClientResponse:
    """The answer, read to its end, because an unread one keeps its connection open."""
    async with person.request(method, url, **arguments) as answer:
        await answer.read()
        return answer
