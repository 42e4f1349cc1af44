"""An administrator who goes through the wizard by its forms, without a browser. No tests here."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import aiohttp
from yarl import URL

from integration.domain.ids import AccountId
from integration.domain.setup import Step
from pbx_adapter.asterisk.simulator.office import AmiUser
from tests.e2e.consent import sign_in
from tests.e2e.crm_site import DMITRY, CrmSite
from tests.page_forms import Form, forms_of

_USUAL = AmiUser("dozvon", "dozvon-secret")
AMI_USER = replace(_USUAL, read=_USUAL.read | {"config"}, write=_USUAL.write | {"config"})
"""May write the include into a simulated PBX."""


@dataclass(frozen=True, slots=True)
class Reply:
    """`place`: of a redirect, which is not followed."""

    status: int
    page: str
    place: str


class Lost(Exception):
    """The connection ended without an answer."""


class WizardForms:
    """
    Args:
        urls: of the processes; each request goes to the next one, as behind a load balancer.
        address: the public one, from which a browser would send the forms.
        office: that is set up; empty before `begin`.
    """

    def __init__(self, session: aiohttp.ClientSession, urls: Sequence[str], address: str, office: str = "") -> None:
        self._session, self._urls, self._address = session, itertools.cycle(urls), address
        self.office = AccountId(office)

    async def ask(self, method: str, path: str, form: dict[str, str] | None = None) -> Reply:
        """Raises Lost."""
        headers = {"Origin": self._address, "Accept-Language": "en"}
        url = next(self._urls) + path
        try:
            async with self._session.request(method, url, data=form, headers=headers, allow_redirects=False) as answer:
                page = await answer.text() if answer.content_type == "text/html" else ""
                return Reply(answer.status, page, answer.headers.get("Location", ""))
        except aiohttp.ClientError as exc:
            raise Lost(f"{method} {path}") from exc

    async def page(self, path: str) -> str:
        """Raises Lost."""
        reply = await self.ask("GET", path)
        assert reply.status == 200, (path, reply)
        return reply.page

    async def sent(self, path: str, *, of: str = "", **fields: str) -> Reply:
        """
        Open the page `path`, fill its form in, and send it.

        Args:
            of: the form's address, if it is another one.

        Raises:
            Lost.
        """
        page = await self.page(path)
        form = self._form(page, of or URL(path).path, fields)
        return await self.ask("POST", form.action, {**form.fields, **fields})

    @staticmethod
    def _form(page: str, action: str, fields: dict[str, str]) -> Form:
        fitting = [
            form for form in forms_of(page, action) if form.action == action and fields.keys() <= form.every.keys()
        ]
        assert fitting, (action, fields, forms_of(page, action))
        return fitting[0]

    def at(self, step: Step) -> str:
        return f"/admin/setup/{self.office}/{step}"

    async def begin(self, name: str) -> None:
        reply = await self.sent("/admin/setup/new", name=name)
        assert reply.status == 303, reply
        self.office = AccountId(reply.place.split("/")[3])

    async def resumed(self) -> Step:
        """Where the wizard goes on."""
        reply = await self.ask("GET", f"/admin/setup/{self.office}")
        assert reply.status == 303, reply
        return Step(reply.place.rpartition("/")[2])

    async def offices(self) -> set[str]:
        """All that are set up here."""
        return set(re.findall(r'href="/admin/setup/([a-z0-9-]+)"', await self.page("/admin/setup"))) - {"new"}

    async def answers_routes_at(self, port: int) -> None:
        """By REST, because no screen has this setting: another Dozvon on this machine has the usual port."""
        path = f"{next(self._urls)}/api/offices/{self.office}/pbx/{self.office}-pbx"
        async with self._session.get(path) as told:
            part = await told.json()
        document = part["document"]
        document["asterisk"]["fastagi"] = {"host": "127.0.0.1", "port": port}
        headers = {"Origin": self._address, "If-Match": part["revision"]}
        async with self._session.put(path, json=document, headers=headers) as answer:
            assert answer.status == 200, await answer.text()

    async def consent(self, crm: CrmSite) -> Reply:
        """As Dmitry, who administers the CRM. Raises Lost."""
        sent = await self.ask("GET", f"/admin/{self.office}/connect")
        assert sent.status == 303, sent
        query = URL(sent.place).query
        form = {
            "decision": "allow",
            "account_id": str(crm.account.id),
            "client_id": query["client_id"],
            "state": query["state"],
        }
        cookie = {"Cookie": f"crm_user={crm.account.id}:{DMITRY}"}
        async with (
            aiohttp.ClientSession() as crms,
            crms.post(f"{crm.url}/oauth", data=form, headers=cookie, allow_redirects=False) as allowed,
        ):
            back = URL(allowed.headers["Location"])
        return await self.ask("GET", back.path_qs)


async def signed_in(
    session: aiohttp.ClientSession, urls: Sequence[str], password: str, *, address: str = ""
) -> WizardForms:
    await sign_in(session, urls[0], password)
    return WizardForms(session, urls, address or urls[0])
