"""Pages of ours in a portal's frames: who gets one by the portal's POST, and who does not by a forged one."""

from __future__ import annotations

import asyncio
import html
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from yarl import URL

from connectors.bitrix24.api.identity import KnownOwners
from connectors.bitrix24.sandbox import frames as portal_frames
from connectors.bitrix24.sandbox.session import Person
from connectors.bitrix24.settings import Bitrix24Settings
from connectors.bitrix24.widget import Bitrix24Frames
from integration.domain.crm.entities import EntityKind, EntityRef
from integration.domain.ids import AccountId, Timestamp
from integration.errors import AuthFailed
from integration.ports.connector import Granted, Installation
from integration.ports.stores import Tokens
from integration.services.frame_sessions import SESSION_SECONDS, TICKET_SECONDS, FrameSession, FrameSessions
from integration.storage import open_coordination
from integration.testing import FakeClock
from integration.web.errors import api_errors
from integration.web.frames import Frames
from tests.adapters.bitrix24_sandbox_kit import (
    ADMIN,
    ANNA,
    BORIS,
    CONTACT,
    IVAN,
    Bitrix,
    free_socket,
    running_sandbox,
    serving,
)

ACME = AccountId("acme")
OTHERS_MARK = "0" * 32


@dataclass
class Application:
    """What the connector keeps of a portal."""

    tokens: Tokens | None = None
    waits: bool = False
    installed: list[Installation] = field(default_factory=list)

    async def stored(self) -> Tokens | None:
        return self.tokens

    async def install(self, installation: Installation) -> Granted | None:
        self.installed.append(installation)
        if self.waits:
            return Granted(code=installation.refresh, base_url="http://portal", state=None)
        self.tokens = tokens(installation.crm_account_id, installation.event_key, installation.access)
        return None


def tokens(member_id: str, mark: str, access: str = "a", base_url: str = "http://portal") -> Tokens:
    return Tokens(
        access=access, refresh="r", expires_at=Timestamp(0), base_url=base_url, crm_account_id=member_id, event_key=mark
    )


@dataclass
class Consents:
    connected_now: list[AccountId] = field(default_factory=list)
    held: list[Granted] = field(default_factory=list)

    async def connected(self, account: AccountId) -> None:
        self.connected_now.append(account)

    async def hold_for(self, account: AccountId, granted: Granted) -> None:
        self.held.append(granted)


@dataclass(frozen=True)
class Connection:
    kind: str
    frames: Bitrix24Frames | None


@dataclass
class Page:
    status: int
    text: str
    headers: dict[str, str]

    @property
    def policy(self) -> str:
        return self.headers["Content-Security-Policy"]

    @property
    def boot(self) -> dict[str, Any]:
        found = re.search(r'<script id="boot" type="application/json">(.*?)</script>', self.text)
        assert found, self.text
        return dict(json.loads(found[1]))

    @property
    def words(self) -> str:
        return html.unescape(re.sub(r"<[^>]+>", " ", self.text))


@dataclass
class Site:
    """Our server with one connection, and the portal."""

    bitrix: Bitrix
    application: Application
    consents: Consents
    sessions: FrameSessions
    clock: FakeClock
    http: aiohttp.ClientSession
    url: str

    @property
    def contact(self) -> str:
        return str(next(iter(self.bitrix.portal.tables[CONTACT]))["ID"])

    def sent(self, placement: str, user: int = ANNA, **options: str) -> portal_frames.Frame:
        """The portal's genuine POST."""
        bitrix = self.bitrix
        person = Person(bitrix.sandbox, bitrix.portal, bitrix.portal.users[user])
        bitrix.clock.time += 1
        return portal_frames.open_frame(
            person,
            bitrix.install,
            f"{self.url}/frames/bitrix24/acme",
            placement,
            options,
            origin=bitrix.base,
            lang="ru",
        )

    async def post(self, frame: portal_frames.Frame, at: str = "", /, **changes: str | None) -> Page:
        """`changes`: of the form; None: left out."""
        form = {key: value for key, value in {**frame.fields, **changes}.items() if value is not None}
        url = frame.action if not at else str(URL(self.url + at).with_query(URL(frame.action).query))
        async with self.http.post(url, data=form) as answer:
            return Page(answer.status, await answer.text(), dict(answer.headers))

    async def open(self, placement: str, user: int = ANNA, **options: str) -> Page:
        page = await self.post(self.sent(placement, user, **options))
        assert page.status == 200, page.words
        return page

    async def begin(self, origin: str | None = None, **body: Any) -> tuple[int, dict[str, Any]]:
        headers = {"Origin": self.url if origin is None else origin}
        async with self.http.post(f"{self.url}/api/widget/frame", json=body, headers=headers) as answer:
            return answer.status, await answer.json()

    async def session(self, page: Page) -> FrameSession:
        status, said = await self.begin(ticket=page.boot["ticket"])
        assert status == 200, said
        return await self.sessions.session(said["token"])


@pytest_asyncio.fixture
async def site() -> AsyncIterator[Site]:
    clock, coordination = FakeClock(), open_coordination(None)
    found = free_socket()
    url = f"http://127.0.0.1:{found.getsockname()[1]}"
    async with running_sandbox() as bitrix, aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        application, consents = Application(), Consents()
        application.tokens = tokens(bitrix.portal.member_id, bitrix.application_token, base_url=bitrix.base)
        card = bitrix.sandbox.settings
        settings = Bitrix24Settings(
            client_id=card.client_id,
            client_secret=card.client_secret,
            oauth_url=bitrix.oauth,
            api_script_url=f"{bitrix.base}/api/v1/",
        )
        owners = KnownOwners(clock.now)
        gate = Bitrix24Frames(
            ACME, settings, http, stored=application.stored, install=application.install, owners=owners
        )
        sessions = FrameSessions(coordination, clock)
        pages = Frames(
            {AccountId("other"): Connection("amocrm", None), ACME: Connection("bitrix24", gate)},
            sessions,
            coordination,
            clock,
            consents=consents,
            address_of=lambda request: request.remote or "",
            public_url=url,
        )
        app = web.Application(middlewares=[api_errors])
        app.add_routes(pages.routes())
        async with serving(app, [found]):
            yield Site(bitrix, application, consents, sessions, clock, http, url)


# ---- who is let in


async def test_a_genuine_post_opens_a_page_for_the_person_whom_the_oauth_server_names(site: Site) -> None:
    page = await site.open("CALL_CARD", BORIS, CALL_ID="externalCall.1", PHONE_NUMBER=IVAN)
    assert page.boot["place"] == "call"
    assert page.boot["call"] == {"id": "externalCall.1", "number": IVAN}
    assert page.boot["language"] == "ru"
    session = await site.session(page)
    assert (session.user.account, session.user.manager, session.subject) == (ACME, str(BORIS), None)


async def test_the_page_carries_no_token_of_the_portal_and_only_the_portal_may_frame_it(site: Site) -> None:
    frame = site.sent("CRM_CONTACT_DETAIL_TAB", ID=site.contact)
    page = await site.post(frame)
    for name in ("AUTH_ID", "REFRESH_ID", "APPLICATION_TOKEN"):
        assert frame.fields[name] not in page.text
        assert frame.fields[name] not in str(page.headers)
    assert f"frame-ancestors {site.bitrix.base}" in page.policy
    assert "'unsafe-inline'" not in page.policy
    assert f"script-src 'self' {site.bitrix.base}" in page.policy
    assert "X-Frame-Options" not in page.headers
    assert page.headers["Cache-Control"] == "no-store"


async def test_the_tab_of_a_client_binds_the_page_to_that_client(site: Site) -> None:
    page = await site.open("CRM_CONTACT_DETAIL_TAB", ID=site.contact)
    assert (await site.session(page)).subject == EntityRef(EntityKind.CONTACT, site.contact)
    assert page.boot["subject"] == {"kind": "contact", "id": site.contact}


async def test_a_client_whom_the_portal_does_not_show_opens_nothing(site: Site) -> None:
    page = await site.post(site.sent("CRM_CONTACT_DETAIL_TAB", ID="999999"))
    assert (page.status, "не показывает" in page.words) == (403, True)


async def test_a_portal_that_was_renamed_may_frame_the_page_by_its_present_address(site: Site) -> None:
    frame = site.sent("CALL_CARD", CALL_ID="c")
    await site.bitrix.control("portals/acme", {"host": f"localhost:{URL(site.bitrix.base).port}"})
    page = await site.post(frame)
    assert f"frame-ancestors http://localhost:{URL(site.bitrix.base).port}" in page.policy


async def test_the_oauth_server_is_asked_once_in_five_minutes_for_one_token(site: Site) -> None:
    frame = site.sent("CALL_CARD", CALL_ID="c")
    await site.post(frame)
    await site.bitrix.control("expire_tokens")
    assert (await site.post(frame)).status == 200
    # Another address means that the portal may have been renamed: that is worth a question, and no trust.
    moved = URL(frame.action).update_query({"DOMAIN": "other.example"})
    assert (await site.post(replace(frame, action=str(moved)))).status == 403
    site.clock.advance(301)
    assert (await site.post(frame)).status == 403


async def test_an_administrator_is_one_by_the_portals_word(site: Site) -> None:
    assert (await site.session(await site.open("DEFAULT", ADMIN))).user.is_admin
    assert not (await site.session(await site.open("DEFAULT", ANNA))).user.is_admin


async def test_a_row_of_a_list_names_the_client_and_the_administrator_by_the_portals_word(site: Site) -> None:
    page = await site.open("CRM_CONTACT_LIST_MENU", ADMIN, ID=site.contact)
    assert (page.boot["place"], page.boot["listed"]) == ("selection", "contact")
    assert page.boot["selected"] == {"kind": "contact", "id": site.contact}
    session = await site.session(page)
    assert (session.user.is_admin, session.subject) == (True, None), "what the browser names proves nothing"
    assert not (await site.session(await site.open("CRM_CONTACT_LIST_MENU", ANNA, ID=site.contact))).user.is_admin


async def test_the_menu_of_a_list_says_what_the_list_holds(site: Site) -> None:
    page = await site.open("CRM_DEAL_LIST_TOOLBAR", ADMIN, URI="/crm/deal/list/")
    assert (page.boot["listed"], page.boot["selected"], page.boot["subject"]) == ("deal", None, None)


@pytest.mark.parametrize("id_", ["", "x", "1; DROP", "-1", "9" * 13])
async def test_a_row_without_an_id_opens_nothing(site: Site, id_: str) -> None:
    assert (await site.post(site.sent("CRM_LEAD_LIST_MENU", ADMIN, ID=id_))).status == 400


# ---- who is not


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"member_id": "f" * 32}, 403),
        ({"member_id": None}, 400),
        ({"member_id": ""}, 400),
        ({"APPLICATION_TOKEN": OTHERS_MARK}, 403),
        ({"APPLICATION_TOKEN": None}, 400),
        ({"APPLICATION_TOKEN": "ы" * 32}, 403),
        ({"AUTH_ID": "no-such-token"}, 403),
        ({"AUTH_ID": None}, 400),
        ({"AUTH_ID": "ы"}, 403),
        ({"PLACEMENT": "CRM_QUOTE_DETAIL_TAB"}, 400),
        ({"PLACEMENT": None}, 400),
        ({"PLACEMENT_OPTIONS": "x" * 20_000}, 400),
        ({"PLACEMENT_OPTIONS": "x" * 200_000}, 400),
    ],
)
async def test_a_forged_or_broken_post_gets_words_and_no_ticket(
    site: Site, changes: dict[str, str | None], status: int
) -> None:
    page = await site.post(site.sent("CALL_CARD", CALL_ID="c"), **changes)
    assert page.status == status
    assert "ticket" not in page.text
    assert "script" not in page.text
    assert "Dozvon" in page.words


@pytest.mark.parametrize(
    "options", ["", "null", "[]", "{", '{"ID":{"a":1}}', '{"ID":"1; DROP"}', '{"ID":-1}', "[" * 9000]
)
async def test_options_that_name_no_client_open_no_client(site: Site, options: str) -> None:
    page = await site.post(site.sent("CRM_CONTACT_DETAIL_TAB", ID=site.contact), PLACEMENT_OPTIONS=options)
    assert page.status == 400


async def test_an_address_in_the_query_is_asked_nothing(site: Site) -> None:
    """Whoever is asked there would get the person's token."""
    asked = asyncio.Event()

    async def trap(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        writer.close()

    server = await asyncio.start_server(trap, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        frame = site.sent("DEFAULT", ADMIN)
        forged = URL(frame.action).update_query({"DOMAIN": f"127.0.0.1:{port}", "PROTOCOL": "0"})
        page = await site.post(replace(frame, action=str(forged)))
        assert page.status == 200
        assert str(port) not in page.policy
    assert not asked.is_set()


async def test_a_token_of_another_portal_with_the_same_application_is_refused(site: Site) -> None:
    sandbox = site.bitrix.sandbox
    other = next(each for each in sandbox.portals.values() if each.member_id != site.bitrix.portal.member_id)
    card = sandbox.apps[sandbox.settings.client_id]
    added = sandbox.add_install(other, card, other.admin()["ID"])
    added.is_finished = True
    theirs = portal_frames.open_frame(
        Person(sandbox, other, other.admin()), added, f"{site.url}/frames/bitrix24/acme", "CALL_CARD", {},
        origin=site.bitrix.base, lang="ru",
    )  # fmt: skip
    assert (await site.post(theirs)).status == 403
    ours = site.sent("CALL_CARD")
    assert (await site.post(ours, AUTH_ID=theirs.fields["AUTH_ID"])).status == 403
    # With everything of theirs it is the other portal's page, which is not connected here.
    assert "другой аккаунт" in (await site.post(theirs)).words


async def test_a_token_that_has_expired_opens_nothing(site: Site) -> None:
    frame = site.sent("CALL_CARD", CALL_ID="c")
    await site.bitrix.control("expire_tokens")
    page = await site.post(frame)
    assert (page.status, "Обновите страницу CRM" in page.words) == (403, True)


async def test_a_token_that_a_user_of_the_portal_took_from_another_application_is_refused(site: Site) -> None:
    frame = site.sent("CALL_CARD", CALL_ID="c")
    grant = site.bitrix.sandbox.grants[frame.fields["AUTH_ID"]]
    grant.client_id = "local.of-somebody-else"
    assert (await site.post(frame)).status == 403


async def test_the_oauth_server_is_not_asked_for_a_stranger(site: Site) -> None:
    await site.bitrix.control("expire_tokens")
    issued = len(site.bitrix.sandbox.grants)
    for _ in range(5):
        await site.post(site.sent("CALL_CARD"), APPLICATION_TOKEN=OTHERS_MARK)
    assert len(site.bitrix.sandbox.grants) == issued + 5  # those of the genuine POSTs only


async def test_an_address_that_is_refused_again_and_again_has_to_wait(site: Site) -> None:
    answers = [(await site.post(site.sent("CALL_CARD"), APPLICATION_TOKEN=OTHERS_MARK)).status for _ in range(35)]
    assert answers[:30] == [403] * 30
    assert answers[-1] == 429


async def test_when_the_oauth_server_is_out_of_order_the_page_says_so(site: Site) -> None:
    await site.bitrix.control("faults", {"kind": "html", "status": 503, "count": 1, "path_prefix": "/rest/app.info"})
    page = await site.post(site.sent("CALL_CARD"))
    assert (page.status, "через минуту" in page.words) == (503, True)


async def test_a_page_that_was_not_compiled_is_no_blank_frame(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Bitrix24Frames, "files", tmp_path)
    page = await site.post(site.sent("CALL_CARD"))
    assert (page.status, "через минуту" in page.words) == (503, True)
    assert f"frame-ancestors {site.bitrix.base}" in page.policy


async def test_a_person_who_types_the_address_reads_where_to_open_it(site: Site) -> None:
    async with site.http.get(f"{site.url}/frames/bitrix24/acme", headers={"Accept-Language": "en"}) as answer:
        assert (answer.status, "inside the CRM only" in await answer.text()) == (200, True)
    async with site.http.get(f"{site.url}/frames/bitrix24/acme/files/..%2fpackage.json") as answer:
        assert answer.status == 404


@pytest.mark.parametrize("path", ["/frames/bitrix24/other", "/frames/amocrm/acme", "/frames/bitrix24/nobody"])
async def test_an_account_of_another_crm_has_no_frames(site: Site, path: str) -> None:
    assert (await site.post(site.sent("CALL_CARD"), path)).status == 404


async def test_an_address_without_an_account_finds_it_by_the_portal(site: Site) -> None:
    frame = site.sent("CALL_CARD", CALL_ID="c")
    assert (await site.post(frame, "/frames/bitrix24")).boot["account"] == "acme"
    assert (await site.post(frame, "/frames/bitrix24", member_id="e" * 32)).status == 404


# ---- installation


async def test_the_page_of_the_installation_connects_the_portal(site: Site) -> None:
    site.application.tokens = None
    site.bitrix.install.is_finished = False
    page = await site.open("DEFAULT", ADMIN)
    assert page.boot["place"] == "install"
    (installation,) = site.application.installed
    assert installation.crm_account_id == site.bitrix.portal.member_id
    assert installation.event_key == site.bitrix.application_token
    assert installation.expires_in == 3600
    assert site.consents.connected_now == [ACME]


async def test_only_an_administrator_of_the_portal_installs(site: Site) -> None:
    site.application.tokens = None
    site.bitrix.install.is_finished = False
    page = await site.post(site.sent("DEFAULT", ANNA))
    assert (page.status, "администратор CRM" in page.words) == (403, True)
    assert site.application.installed == []


async def test_an_update_brings_a_new_mark_by_the_same_check(site: Site) -> None:
    before = site.application.tokens
    assert before is not None
    await site.bitrix.control("install/update")
    assert (await site.open("DEFAULT", ADMIN)).boot["place"] == "install"
    assert site.application.tokens is not None
    assert site.application.tokens.event_key not in ("", before.event_key)


async def test_a_mark_that_is_not_the_portals_is_not_taken_from_an_installed_application(site: Site) -> None:
    page = await site.post(site.sent("DEFAULT", ADMIN), APPLICATION_TOKEN=OTHERS_MARK)
    assert page.status == 403
    assert site.application.installed == []


async def test_an_application_of_many_portals_waits_for_our_administrator(site: Site) -> None:
    site.application.tokens, site.application.waits = None, True
    site.bitrix.install.is_finished = False
    page = await site.post(site.sent("DEFAULT", ADMIN))
    assert (page.status, "мастер настройки" in page.words) == (403, True)
    assert len(site.consents.held) == 1
    assert site.consents.connected_now == []


# ---- the page's session


async def test_a_ticket_works_once_and_for_two_minutes(site: Site) -> None:
    page = await site.open("CALL_CARD", CALL_ID="c")
    assert (await site.begin(ticket=page.boot["ticket"]))[0] == 200
    assert (await site.begin(ticket=page.boot["ticket"]))[0] == 401
    assert TICKET_SECONDS == 120
    assert (await site.begin(ticket="x" * 43))[0] == 401


async def test_the_page_proves_again_who_is_there(site: Site) -> None:
    token = site.sent("CALL_CARD").fields["AUTH_ID"]
    subject = {"kind": "contact", "id": site.contact}
    status, said = await site.begin(account="acme", proof=token, subject=subject)
    assert status == 200
    session = await site.sessions.session(said["token"])
    assert (session.user.manager, session.subject) == (str(ANNA), EntityRef(EntityKind.CONTACT, site.contact))
    assert (await site.begin(account="acme", proof="wrong", subject=None))[0] == 401
    assert (await site.begin(account="acme", proof=token, subject={"kind": "contact", "id": "999999"}))[0] == 401
    assert (await site.begin(account="acme", proof=token, subject={"kind": "x", "id": "1"}))[0] == 400
    assert (await site.begin(account="nobody", proof=token))[0] == 404


async def test_an_administrators_page_stays_one_when_it_proves_itself_again(site: Site) -> None:
    for user, is_admin in ((ADMIN, True), (ANNA, False)):
        proof = site.sent("DEFAULT", user).fields["AUTH_ID"]
        _, said = await site.begin(account="acme", proof=proof, subject=None)
        assert (await site.sessions.session(said["token"])).user.is_admin is is_admin


@pytest.mark.parametrize("origin", ["", "null", "https://evil.example", "http://127.0.0.1"])
async def test_only_our_own_pages_begin_sessions(site: Site, origin: str) -> None:
    page = await site.open("CALL_CARD", CALL_ID="c")
    assert (await site.begin(origin, ticket=page.boot["ticket"]))[0] == 403


async def test_a_session_is_over_after_half_an_hour_and_cannot_be_made_up(site: Site) -> None:
    page = await site.open("CALL_CARD", CALL_ID="c")
    _, said = await site.begin(ticket=page.boot["ticket"])
    token = said["token"]
    site.clock.advance(SESSION_SECONDS - 1)
    assert (await site.sessions.session(token)).user.manager == str(ANNA)
    site.clock.advance(2)
    for wrong in (token, token[:-2] + "AA", "dzf_", "dzf_" + "A" * 400, "dzf_ы", ""):
        with pytest.raises(AuthFailed):
            await site.sessions.session(wrong)
