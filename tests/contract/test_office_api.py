"""REST about offices: who gets in, what is refused and how, and that of two administrators nothing is lost."""

from __future__ import annotations

import asyncio
import io
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

import jsonschema
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from integration.documents.campaign import campaign_schemas
from integration.documents.schema import document_schemas
from integration.domain.access import Permission, Viewer
from integration.domain.connections.state import ConnectionState, ConnectionStatus, StateReason, why
from integration.domain.ids import AccountId, Extension, PbxId, Timestamp
from integration.domain.settings import AccountSettings, Employee
from integration.domain.settings_changes import Author, AuthorKind
from integration.process.adapters import CRMS, PBXS, tables_of
from integration.process.config import Config, parse
from integration.process.office_edits import OfficeEdits
from integration.process.setup_address import administrators_of
from integration.services.passwords import PasswordDesk
from integration.storage import Storage, open_coordination
from integration.testing import FakeClock
from integration.texts import LANGUAGES
from integration.web.api.door import ApiDoor, Operation
from integration.web.api.offices import OfficeApi
from integration.web.api.openapi import SCHEMAS, Description
from integration.web.client_address import ClientAddresses
from integration.web.metrics import Metrics
from integration.web.pages.brake import SignInBrake
from integration.web.pages.session import AdminSessions
from integration.web.permissions import open_form
from integration.web.server import create_web_app

PASSWORD = "a secret of the office"
SALES = "/api/offices/acme/account/sales"
BRANCH = "/api/offices/acme/pbx/branch"
Client = TestClient[web.Request, web.Application]


def described(operations: list[Operation]) -> Description:
    documents = document_schemas(crms=tables_of(CRMS), pbxs=tables_of(PBXS), address=SCHEMAS)
    return Description(operations, documents | campaign_schemas(SCHEMAS))


def account(**changes: Any) -> dict[str, Any]:
    crm = {"client_id": "1", "client_secret": "key of the integration"}
    pbx = {"host": "192.0.2.1", "username": "dozvon", "secret": "geheim"}
    return {"amocrm": crm, "asterisk": pbx, **changes}


def shared_pbx(**changes: Any) -> dict[str, Any]:
    return {"asterisk": {"host": "192.0.2.2", "username": "dozvon", "secret": "geheim", **changes}}


@dataclass
class Desk:
    """A process with its pages' sessions, and browsers that are signed in."""

    storage: Storage
    sessions: AdminSessions
    operations: list[Operation]
    clients: list[Client] = field(default_factory=list)
    config: Config = field(default_factory=Config)
    viewers: dict[str, Viewer] = field(default_factory=dict)  # by session; others may everything
    woken: int = 0

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        at: str | None = None,
        browser: int = 0,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, Any]:
        """`at`: the revision that was read. Returns the status and the JSON."""
        client = self.clients[browser]
        own = {"Origin": f"http://{client.host}:{client.port}", "Accept-Language": "en"}
        if at is not None:
            own["If-Match"] = f'"{at}"'
        async with client.request(method, path, headers=own | (headers or {}), json=body) as answer:
            told = await answer.json()
            true_to_its_description(self, method, path, answer.status, told)
            return answer.status, told

    async def get(self, path: str, **options: Any) -> Any:
        status, found = await self.send("GET", path, **options)
        assert status == 200, found
        return found

    async def put(self, path: str, body: Any, *, at: str, **options: Any) -> str:
        status, found = await self.send("PUT", path, body, at=at, **options)
        assert status == 200, found
        revision: str = found["revision"]
        return revision


class _States:
    """The PBX refuses our login; the CRM works."""

    def crm(self, key: AccountId) -> ConnectionState:
        return ConnectionState(status=ConnectionStatus.READY, since=Timestamp(1_000_000.0))

    def pbx(self, key: PbxId) -> ConnectionState:
        reason = why(StateReason.LOGIN_REFUSED, user="dozvon")
        return ConnectionState(
            status=ConnectionStatus.RETRYING, reason=reason, detail=f"{key}: 403", next_try=Timestamp(1_000_030.0)
        )


@pytest_asyncio.fixture
async def desk(storage: Storage, clock: FakeClock) -> AsyncIterator[Desk]:
    passwords = PasswordDesk()
    sessions = AdminSessions(
        PASSWORD,
        "http://127.0.0.1",
        store=storage.admin_sessions,
        administrators=administrators_of(storage, clock, passwords),
        passwords=passwords,
        brake=SignInBrake(open_coordination(None), open_coordination(None)),
        addresses=ClientAddresses(),
        clock=clock,
    )

    served: list[Desk] = []

    def changed() -> None:
        served[0].woken += 1

    def viewer(request: web.Request) -> Viewer:
        who = sessions.who(request)
        return served[0].viewers.get(who.session, Viewer(author=who))

    edits = OfficeEdits(storage.offices, storage.settings, lambda: served[0].config, changed)
    desk = Desk(storage, sessions, described(OfficeApi(edits, _States()).operations()).operations)
    served.append(desk)
    for _ in range(2):
        desk.clients.append(await browser(desk, ApiDoor(sessions, viewer_of=viewer)))
    yield desk
    for client in desk.clients:
        await client.close()


def true_to_its_description(desk: Desk, method: str, path: str, status: int, body: Any) -> None:
    """The answer is one that the description says, and has the shape that it says."""
    document = described([each for each in desk.operations if each.path != "/api/openapi.json"]).document()
    for pattern, methods in document["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", pattern), path.partition("?")[0]) and method.lower() in methods:
            answers = methods[method.lower()]["responses"]
            assert str(status) in answers, (method, path, status)
            schema = answers[str(status)]["content"]["application/json"]["schema"]
            whole = {**schema, "components": document["components"]}
            jsonschema.Draft202012Validator(whole).validate(body)
            return
    raise AssertionError(f"{method} {path} is not described")


async def browser(desk: Desk, door: ApiDoor) -> Client:
    async def sign_in(request: web.Request) -> web.Response:
        response = web.Response()
        assert await desk.sessions.sign_in(request, PASSWORD, response)
        return response

    async def health() -> dict[str, Any]:
        return {}

    async def gather() -> dict[str, Any]:
        return {}

    app = create_web_app(
        routes=[*open_form("the test signs in", web.post("/sign-in", sign_in)), *door.routes(desk.operations)],
        middlewares=[desk.sessions.guard],
        health=health,
        metrics=Metrics(list),
    )
    client: Client = TestClient(TestServer(app))
    await client.start_server()
    async with client.post("/sign-in") as answer:
        assert answer.status == 200
    return client


# ---- making, changing, stopping --------------------------------------------------------------------------------------


async def test_an_office_is_made_changed_and_stopped(desk: Desk) -> None:
    assert await desk.get("/api/offices") == {"offices": []}
    first = await desk.put(SALES, account(employee={"101": "610077"}), at="0")
    assert (first, desk.woken) == ("1;sales=0", 1)
    second = await desk.put(BRANCH, shared_pbx(), at=first)
    assert second == "2"
    assert await desk.get("/api/offices") == {
        "offices": [{"office": "acme", "revision": "2", "parts": ["account/sales", "pbx/branch"]}]
    }
    office = await desk.get("/api/offices/acme")
    sales, branch = office["parts"]["account/sales"], office["parts"]["pbx/branch"]
    assert sales["document"]["employee"] == {"101": "610077"}
    assert sales["secrets"] == ["amocrm.client_secret", "asterisk.secret"]
    assert (sales["revision"], branch["revision"], office["revision"]) == ("2;sales=0", "2", "2")
    assert not any(word in json.dumps(office) for word in ("geheim", "key of the integration"))
    assert sales == await desk.get(SALES)

    again = await desk.put(SALES, {**sales["document"], "pbxs": ["branch"]}, at=sales["revision"])
    stored = await desk.storage.offices.get(AccountId("acme"))
    assert stored.parts["account/sales"]["pbxs"] == ["branch"]
    assert stored.secrets["account/sales asterisk.secret"] == "geheim", "what is left out stays"

    status, refused = await desk.send("DELETE", BRANCH, at=again)
    assert (status, refused["problems"][0]["field"]) == (422, "account.sales.pbxs"), "it is still needed"
    last = await desk.put(SALES, {**sales["document"]}, at=again)
    status, removed = await desk.send("DELETE", BRANCH, at=last)
    assert (status, removed) == (200, {"revision": "5"})
    assert list((await desk.get("/api/offices/acme"))["parts"]) == ["account/sales"]
    assert desk.woken == 5


async def test_each_document_says_how_its_connections_are(desk: Desk) -> None:
    zone = {"time_zone": "Europe/Moscow"}
    at = await desk.put(SALES, account(**zone), at="0")
    at = await desk.put(BRANCH, shared_pbx(), at=at)
    document = {"amocrm": account()["amocrm"], "pbxs": ["branch"], **zone}
    await desk.put("/api/offices/acme/account/web", document, at=at)
    parts = (await desk.get("/api/offices/acme"))["parts"]
    assert {name: sorted(part["connections"]) for name, part in parts.items()} == {
        "account/sales": ["crm", "pbx"],
        "account/web": ["crm"],
        "pbx/branch": ["pbx"],
    }
    assert parts["account/sales"]["connections"]["crm"]["since"] == "1970-01-12T16:46:40+03:00"
    said = (await desk.get(BRANCH, headers={"Accept-Language": "ru"}))["connections"]["pbx"]
    assert (said["status"], said["detail"]) == ("retrying", "branch: 403")
    assert said["next_try"] == "1970-01-12T16:47:10+03:00"
    assert "dozvon" in said["reason"]
    assert said["reason"] != parts["pbx/branch"]["connections"]["pbx"]["reason"]


async def test_what_was_read_is_put_back_unchanged(desk: Desk) -> None:
    revision = await desk.put(BRANCH, shared_pbx(), at="0")
    people = {"101": "610077", "102": {"name": "Boris"}}
    await desk.put(SALES, account(employee=people, pbxs=["branch"]), at=revision)
    read = await desk.get(SALES)
    assert await desk.put(SALES, read["document"], at=read["revision"]) == read["revision"]
    assert len((await desk.get("/api/offices/acme/changes"))["changes"]) == 2
    assert [each["revision"] for each in (await desk.get("/api/offices/acme/changes?limit=1"))["changes"]] == [2]
    for wrong in ("0", "501", "x", "-1", "9" * 5000, "%D9%A1"):
        status, refused = await desk.send("GET", f"/api/offices/acme/changes?limit={wrong}")
        assert (status, refused["error"]["code"]) == (400, "number"), wrong


async def test_a_secret_is_set_kept_and_removed_and_never_shown(desk: Desk) -> None:
    recordings = {"url": "https://pbx.example/", "username": "u", "password": "geheim 2"}
    pbx = account()["asterisk"]
    revision = await desk.put(SALES, account(asterisk={**pbx, "recordings": recordings}), at="0")
    assert "asterisk.recordings.password" in (await desk.get(SALES))["secrets"]
    cleared = {**pbx, "secret": "", "recordings": {**recordings, "password": None}}
    status, checked = await desk.send("POST", SALES + "/check", account(asterisk=cleared))
    assert (status, checked["differences"]) == (
        200, [{"key": "asterisk.recordings.password", "before": "***", "after": None}],
    )  # fmt: skip
    revision = await desk.put(SALES, account(asterisk=cleared), at=revision)
    assert (await desk.get(SALES))["secrets"] == ["amocrm.client_secret", "asterisk.secret"]
    status, refused = await desk.send("PUT", SALES, account(asterisk={**pbx, "secret": None}), at=revision)
    assert (status, [each["field"] for each in refused["problems"]]) == (422, ["asterisk.secret"])


async def test_people_are_left_alone_unless_the_document_names_them(desk: Desk) -> None:
    revision = await desk.put(SALES, account(employee={"101": "610077"}), at="0")
    revision = await desk.put(SALES, account(language="uk"), at=revision)
    assert (await desk.get(SALES))["document"]["employee"] == {"101": "610077"}
    revision = await desk.put(SALES, account(language="uk", employee={}), at=revision)
    assert "employee" not in (await desk.get(SALES))["document"]
    assert revision == "2;sales=1"


# ---- two administrators ----------------------------------------------------------------------------------------------


async def test_the_second_of_two_administrators_is_told_who_was_first_and_what_changed(desk: Desk) -> None:
    read = await desk.put(SALES, account(), at="0")
    await desk.put(SALES, account(time_zone="Europe/Kyiv", log_to="deal"), at=read)
    first = (await desk.storage.offices.changes(AccountId("acme")))[0].who.session
    said = set()
    for language in LANGUAGES:
        headers = {"Accept-Language": language}
        status, told = await desk.send("PUT", SALES, account(language="uk"), at=read, browser=1, headers=headers)
        assert (status, told["error"]["code"]) == (412, "changed_meanwhile")
        assert first in told["error"]["message"]
        assert "EE" in told["error"]["message"], "in the office's time zone"
        said.add(told["error"]["message"])
    assert len(said) == len(LANGUAGES)
    (change,) = told["changes"]
    assert (change["revision"], first in change["who"]) == (2, True)
    assert change["parts"] == [
        {
            "part": "account/sales",
            "is_removed": False,
            "differences": [
                {"key": "log_to", "before": None, "after": '"deal"'},
                {"key": "time_zone", "before": None, "after": '"Europe/Kyiv"'},
            ],
        }
    ]
    document = (await desk.get(SALES))["document"]
    assert (document["log_to"], "language" in document) == ("deal", False)
    await desk.put(SALES, {**document, "language": "uk"}, at=told["revision"], browser=1)
    document = (await desk.get(SALES))["document"]
    assert (document["log_to"], document["language"]) == ("deal", "uk")

    status, _ = await desk.send("POST", "/api/offices/acme/changes/3/undo")
    assert status == 200
    assert "language" not in (await desk.get(SALES))["document"]
    status, refused = await desk.send("POST", "/api/offices/acme/changes/3/undo")
    assert (status, refused["error"]["code"]) == (409, "undone")


async def test_of_many_administrators_at_once_one_is_first_and_the_others_lose_nothing(desk: Desk) -> None:
    """Each reads, changes its own line, writes, and begins again when somebody was first."""
    await desk.put(SALES, account(employee={"101": "610077"}), at="0")
    conflicts = 0

    async def administrator(number: int) -> None:
        nonlocal conflicts
        while True:
            read = await desk.get(SALES, browser=number % 2)
            lines = {**read["document"].get("line", {}), f"7495000000{number}": {"source": f"source {number}"}}
            people = {**read["document"]["employee"], f"20{number}": {"name": f"Person {number}"}}
            document = {**read["document"], "line": lines, "employee": people}
            status, told = await desk.send("PUT", SALES, document, at=read["revision"], browser=number % 2)
            if status == 200:
                return
            assert (status, told["error"]["code"]) == (412, "changed_meanwhile")
            conflicts += 1

    await asyncio.gather(*(administrator(number) for number in range(4)))
    document = (await desk.get(SALES))["document"]
    assert set(document["line"]) == {f"7495000000{number}" for number in range(4)}
    assert set(document["employee"]) == {"101", *(f"20{number}" for number in range(4))}
    assert len((await desk.get("/api/offices/acme/changes"))["changes"]) == 5
    assert conflicts >= 1, "they did meet"


async def test_people_that_a_page_has_changed_are_a_conflict_as_well(desk: Desk) -> None:
    read = await desk.put(SALES, account(employee={"101": "610077"}), at="0")
    olga = Author(kind=AuthorKind.ADMINISTRATOR, session="0fa2c1", address="192.0.2.7")

    def on_the_page(stored: AccountSettings | None) -> AccountSettings:
        assert stored is not None
        return replace(stored, employees=(Employee(extension=Extension("105"), name="Eve"),))

    await desk.storage.settings.change(AccountId("sales"), on_the_page, who=olga)
    changed = account(language="uk", employee={"101": "610078"})
    status, told = await desk.send("PUT", SALES, changed, at=read)
    assert (status, told["revision"]) == (412, "1;sales=1")
    assert "0fa2c1" in told["error"]["message"]
    assert told["changes"][0]["people"] == ["101 — extension removed", "105 Eve — extension added"]
    document = (await desk.get(SALES))["document"]
    assert (document["employee"], "language" in document) == ({"105": {"name": "Eve"}}, False)
    assert await desk.put(SALES, changed, at=told["revision"]) == "2;sales=2"


async def test_a_revision_that_never_was_and_none_at_all_are_refused(desk: Desk) -> None:
    await desk.put(SALES, account(), at="0")
    status, told = await desk.send("PUT", SALES, account(language="uk"), at="7")
    assert (status, told["error"]["code"], told["revision"]) == (412, "other_revision", "1;sales=0")
    for method in ("PUT", "DELETE"):
        body = account() if method == "PUT" else None
        status, told = await desk.send(method, SALES, body)
        assert (status, told["error"]["code"]) == (428, "revision_needed")
        for word in ("*", "1, 2", 'W/"1"', "١", "1;sales", "9" * 30, "1;../=1"):
            status, told = await desk.send(method, SALES, body, headers={"If-Match": word})
            assert (status, told["error"]["code"]) == (400, "revision_unreadable"), word


# ---- what is wrong ---------------------------------------------------------------------------------------------------


async def test_every_problem_is_said_at_once_beside_its_field_in_each_language(desk: Desk) -> None:
    for language in LANGUAGES:
        await every_problem_is_said(desk, language)


async def every_problem_is_said(desk: Desk, language: str) -> None:
    wrong = account(
        time_zone="Mars/Phobos", asterisk={"host": "", "port": 0}, line={"74950000001": {"card": "never ever"}}
    )
    status, refused = await desk.send("PUT", SALES, wrong, at="0", headers={"Accept-Language": language})
    status_of_check, checked = await desk.send(
        "POST", f"{SALES}/check?lang={language}", wrong, headers={"Accept-Language": "fr"}
    )
    assert (status, status_of_check) == (422, 200)
    assert refused["problems"] == checked["problems"]
    assert sorted(each["field"] for each in refused["problems"]) == ["line.74950000001.card", "time_zone"]
    own = account(asterisk={"host": "", "port": 0, "hots": 1})
    status, refused = await desk.send("PUT", SALES, own, at="0", headers={"Accept-Language": language})
    found = {each["field"]: each["message"] for each in refused["problems"]}
    keys = ("host", "hots", "port", "secret", "username")
    assert sorted(found) == [f"asterisk.{key}" for key in keys]
    is_english = [message.isascii() for message in found.values()]
    assert all(is_english) if language == "en" else not any(is_english)
    assert (await desk.send("GET", "/api/offices/acme"))[0] == 404, "nothing was stored"


WRONG_DOCUMENTS: list[tuple[str, dict[str, Any], str]] = [
    (SALES, account(id="other"), "id"),
    (SALES, account(office="other"), "office"),
    (BRANCH, {**shared_pbx(), "office": "other"}, "office"),
    (BRANCH, {**shared_pbx(), "id": 5}, "id"),
    ("/api/offices/acme/account/admin", account(), "id"),
    ("/api/offices/acme/account/SALES", account(), "id"),
    ("/api/offices/api/pbx/branch", shared_pbx(), "office"),
    (SALES, account(pbxs=["nowhere"]), "pbxs"),
    (SALES, account(crm="fax", fax={}), "amocrm"),
    (SALES, account(asterisk={"secret": {"deep": "geheim"}, "host": "h", "username": "u"}), "asterisk.secret"),
    (SALES, account(asterisk={"secret": ["geheim"], "host": "h", "username": "u"}), "asterisk.secret"),
    (SALES, account(amocrm=None), "amocrm"),
    (SALES, account(employee={"101": None}), "employee.101"),
    (SALES, account(line=[]), "line"),
]


async def test_a_wrong_document_is_refused(desk: Desk) -> None:
    for path, document, where in WRONG_DOCUMENTS:
        status, refused = await desk.send("PUT", path, document, at="0")
        assert status == 422, (path, refused)
        assert where in [each["field"] for each in refused["problems"]], (path, refused)
        assert "geheim" not in json.dumps(refused)


NO_SOUND_JSON = [
    b"", b"[]", b"5", b"null", b"{", b"\xff{}", b'{"a": NaN}', b'{"a": Infinity}', b'{"a": 1e999}',
    b'{"a": 123456789012345678901}', b'{"id": "sales", "id": "other"}', b'{"line": {"a": {}, "a": {}}}',
    b'{"a": "\\ud800"}', b'{"\\u0000": 1}', b'{"a": ["\\u0000"]}', b'{"a":' * 40 + b"1" + b"}" * 40,
    b'{"a":' * 40_000 + b"1" + b"}" * 40_000, b"[" * 100_000, b'{"a": ' + b"9" * 5000 + b"}",
    b'\xef\xbb\xbf{"a": 1}',
]  # fmt: skip


async def test_what_is_no_sound_json_is_refused(desk: Desk) -> None:
    client = desk.clients[0]
    headers = {
        "Origin": f"http://{client.host}:{client.port}", "If-Match": "0", "Content-Type": "application/json",
    }  # fmt: skip
    for body in NO_SOUND_JSON:
        for method, path in (("PUT", SALES), ("POST", SALES + "/check")):
            async with client.request(method, path, headers=headers, data=body) as answer:
                assert (answer.status, (await answer.json())["error"]["code"]) == (400, "not_json"), body[:80]


async def test_large_bodies_and_other_types_are_refused(desk: Desk) -> None:
    client = desk.clients[0]
    headers = {"Origin": f"http://{client.host}:{client.port}", "If-Match": "0"}
    large = {**headers, "Content-Type": "application/json"}
    async with client.put(SALES, headers=large, data=io.BytesIO(b'{"a": "' + b"x" * 1_100_000 + b'"}')) as answer:
        assert answer.status == 413
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        async with client.put(SALES, headers={**headers, "Content-Type": kind}, data=b"{}") as answer:
            assert answer.status == 415


async def test_ids_of_other_offices_and_of_the_file_are_refused(desk: Desk) -> None:
    revision = await desk.put(SALES, account(), at="0")
    theirs = "/api/offices/other/"
    for path, document in (
        (theirs + "account/sales", account()),
        (theirs + "pbx/sales-pbx", shared_pbx()),
        (theirs + "account/mine", account(pbx_id="sales-pbx")),
    ):
        status, refused = await desk.send("PUT", path, document, at="0")
        assert status == 409, path
        assert refused["error"]["code"].endswith("_of_other_office")
    assert (await desk.send("GET", "/api/offices/other"))[0] == 404

    desk.config = parse({"account": [{"id": "sales", **account()}]})
    assert (await desk.get(SALES))["in_configuration_file"]
    for method, path, body in (
        ("PUT", SALES, account(language="uk")),
        ("POST", SALES + "/check", account(language="uk")),
        ("DELETE", SALES, None),
        ("POST", "/api/offices/acme/changes/1/undo", None),
        ("PUT", "/api/offices/acme/pbx/sales-pbx", shared_pbx()),
    ):
        status, refused = await desk.send(method, path, body, at=revision)
        assert status in (409, 422), (path, refused)
        if status == 409:
            assert refused["error"]["code"].endswith("_in_file"), path
            assert "configuration file" in refused["error"]["message"]
    assert (await desk.storage.offices.get(AccountId("acme"))).revision == 1


async def test_what_is_not_there_is_said(desk: Desk) -> None:
    for method, path in (
        ("GET", "/api/offices/acme"), ("GET", SALES), ("GET", "/api/offices/acme/changes"), ("DELETE", SALES),
        ("POST", "/api/offices/acme/changes/1/undo"),
    ):  # fmt: skip
        status, refused = await desk.send(method, path, at="0")
        assert (status, refused["error"]["code"]) in {(404, "no_office"), (404, "no_part")}, path
    status, refused = await desk.send("PUT", SALES, account(), at="3")
    assert (status, refused["error"]["code"]) == (404, "no_office")
    await desk.put(SALES, account(), at="0")
    status, refused = await desk.send("DELETE", BRANCH, at="1")
    assert (status, refused["error"]["code"]) == (404, "no_part")
    status, refused = await desk.send("POST", "/api/offices/acme/changes/9/undo")
    assert (status, refused["error"]["code"]) == (409, "not_kept")


async def test_an_undo_that_would_leave_a_wrong_office_is_refused(desk: Desk) -> None:
    revision = await desk.put(BRANCH, shared_pbx(), at="0")
    revision = await desk.put(SALES, account(pbxs=["branch"]), at=revision)
    status, removed = await desk.send("DELETE", SALES, at=revision)
    status, removed = await desk.send("DELETE", BRANCH, at=removed["revision"])
    assert status == 200
    status, refused = await desk.send("POST", "/api/offices/acme/changes/3/undo")
    assert (status, [each["field"] for each in refused["problems"]]) == (422, ["account.sales.pbxs"])
    for change in (4, 3):
        assert (await desk.send("POST", f"/api/offices/acme/changes/{change}/undo"))[0] == 200
    office = await desk.get("/api/offices/acme")
    assert set(office["parts"]) == {"account/sales", "pbx/branch"}
    assert office["parts"]["pbx/branch"]["secrets"] == ["asterisk.secret"], "the secret came back with it"


# ---- who may ---------------------------------------------------------------------------------------------------------


def address(operation: Operation) -> str:
    path = operation.path.replace("{kind:account|pbx}", "account").replace("{revision:[0-9]{1,9}}", "1")
    return path.format(office="acme", id="sales")


async def test_nobody_gets_past_any_operation_who_may_not(desk: Desk) -> None:
    """Signed out, from another site, another office's administrator, one who may only look: each is refused by each."""
    revision = await desk.put(SALES, account(), at="0")
    client, stranger = desk.clients
    own = {"Origin": f"http://{client.host}:{client.port}"}
    session = (await desk.storage.offices.changes(AccountId("acme")))[0].who.session
    who = Author(kind=AuthorKind.ADMINISTRATOR, session=session)
    stranger.session.cookie_jar.clear()

    async def status(operation: Operation, by: Client, **headers: str) -> int:
        body = account(language="uk") if operation.sends else None
        everything = {**own, "If-Match": revision, **headers}
        async with by.request(operation.method, address(operation), headers=everything, json=body) as answer:
            return answer.status

    for operation in desk.operations:
        assert operation.permission in Permission
        assert await status(operation, stranger) == 401
        is_read = operation.method == "GET"
        assert await status(operation, client, **{"Sec-Fetch-Site": "cross-site"}) == 403
        if not is_read:
            assert await status(operation, client, Origin="https://evil.example") == 403
            assert await status(operation, client, Origin="null") == 403
        desk.viewers[session] = Viewer(author=who, permissions=frozenset())
        assert await status(operation, client) == 403
        desk.viewers[session] = Viewer(author=who, offices=frozenset({AccountId("other")}))
        if "{office}" in operation.path:
            assert await status(operation, client) == 404
        elif operation.path == "/api/offices":
            assert await desk.get(operation.path) == {"offices": []}
        desk.viewers.clear()
    assert (await desk.storage.offices.get(AccountId("acme"))).revision == 1, "nothing got through"


async def test_a_viewer_who_may_look_may_not_change(desk: Desk) -> None:
    revision = await desk.put(SALES, account(), at="0")
    who = (await desk.storage.offices.changes(AccountId("acme")))[0].who
    desk.viewers[who.session] = Viewer(
        author=who, offices=frozenset({AccountId("acme")}), permissions=frozenset({Permission.SEE_OFFICE})
    )
    await desk.get(SALES)
    status, refused = await desk.send("PUT", SALES, account(language="uk"), at=revision)
    assert (status, refused["error"]["code"]) == (403, "not_allowed")


# ---- the description -------------------------------------------------------------------------------------------------


async def test_the_description_is_served_and_is_what_the_operations_are(desk: Desk) -> None:
    """Each answer of this module's other tests is held against it too."""
    document = await desk.get("/api/openapi.json")
    jsonschema.Draft202012Validator.check_schema({"$defs": document["components"]["schemas"]})
    described_ones = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    served = {
        (route.method, route.resource.canonical)
        for route in desk.clients[0].app.router.routes()
        if route.resource is not None and route.method != "HEAD" and route.resource.canonical.startswith("/api/")
    }
    assert described_ones == served
    text = json.dumps(document)
    for name in re.findall(r"#/components/schemas/(\w+)", text):
        assert name in document["components"]["schemas"]
    assert set(document["components"]["schemas"]["AccountDocument"]["properties"]) >= {"line", "amocrm", "asterisk"}
