"""What an administrator does once for an account: sign in to Dozvon, press "connect", allow it on the CRM's page."""

from __future__ import annotations

import aiohttp
from yarl import URL

from tests.e2e.crm_site import DMITRY, CrmSite


async def consent(url: str, crm: CrmSite, account: str, password: str) -> None:
    """
    Connect `account` of the Dozvon at `url` with the CRM, as Dmitry.

    Raises:
        AssertionError: it did not end on the page of people.
    """
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as person:
        await person.post(f"{url}/admin/login", data={"password": password, "next": "/admin"})
        asked = await person.get(f"{url}/admin/{account}/connect", allow_redirects=False)
        query = URL(asked.headers["Location"]).query
        form = {
            "decision": "allow",
            "account_id": str(crm.account.id),
            "client_id": query["client_id"],
            "state": query["state"],
        }
        cookie = {"Cookie": f"crm_user={crm.account.id}:{DMITRY}"}
        allowed = await person.post(f"{crm.url}/oauth", data=form, headers=cookie, allow_redirects=False)
        done = await person.get(allowed.headers["Location"])
        assert done.status == 200, await done.text()
        assert f"/admin/{account}/people" in str(done.url)
