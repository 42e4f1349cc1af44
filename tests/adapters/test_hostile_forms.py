"""Whatever is sent to any address of a whole Dozvon, by whoever: no page breaks, nothing is half stored, and nobody
reaches another office. The addresses come from the router, the forms from the pages: a new one is tried by itself.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.adapters.hostile import FORM, JSON, Answer, Verdict, assert_quiet
from tests.adapters.hostile_house import MARK, NORTH, SOUTH, House, Route, Rows, of, open_house
from tests.page_forms import urlencoded

pytestmark = pytest.mark.timeout(600)

WHO = ("owner", "northerner", "manager", "nobody")
SAFE = ("GET", "HEAD", "OPTIONS")
METHODS = (*SAFE, "POST", "PUT", "PATCH", "DELETE")
HUSH = "never-to-be-seen-in-the-open"  # goes into every field for a secret
LONGEST_STORED = 4000  # characters of one value: what nobody types is not kept
FOR_MONITORING = ("/health", "/metrics")  # the ids of all offices, and figures
_SESSIONS = "admin_sessions"
_INSIST = "insist"  # moves the whole process to another address, which an owner may
_VISITS = itertools.count()

ODD = (
    "", " ", "\0", "\ud800", "\u202e101", "\r\nSet-Cookie: a=b", "9" * 5000, "1e308", "1e400", "-1", "NaN", "²",
    "x" * 3000, "[", "http://[", "//evil.example", "../../etc/passwd", "<script>alert(1)</script>",
    "'; DROP TABLE offices; --", "{{7*7}}", "00000", "0", "1", "on", "Ї" * 300, "101\r\nAction: Logoff",
)  # fmt: skip
ODD_JSON: tuple[Any, ...] = (
    None,
    True,
    -1,
    10**30,
    1.5,
    "",
    "\ud800",
    "\0",
    "9" * 5000,
    [],
    {},
    [[]],
    {"": {}},
    "1e400",
)


# SQLite stores what PostgreSQL refuses, and PostgreSQL keeps offices apart by rules of its own.
on_both_databases = pytest.mark.parametrize(
    "database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.servers)], indirect=True
)


@pytest.fixture
def database(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The table `storage` of the configuration; SQLite where a test does not say."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return {}
    return {"storage": {"database": request.getfixturevalue("postgres_url")}}


@pytest_asyncio.fixture
async def house(tmp_path: Path, database: dict[str, Any]) -> AsyncIterator[House]:
    async with open_house(tmp_path, database) as opened:
        yield opened


class Judge:
    """Sends requests, and compares what is stored before and after each."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.verdict = Verdict()
        self._before: Rows = {}
        self._glimpse: dict[str, Any] = {}
        self._whole: dict[str, Any] = {}

    async def begin(self) -> None:
        self._whole = await self.house.whole()
        await self._look()

    async def _look(self) -> None:
        """In this order, so that a row that changes meanwhile is seen the next time."""
        self._glimpse = await self.house.glimpse()
        self._before = await self.house.stored()

    async def send(
        self, who: str, method: str, path: str, body: tuple[bytes, bytes] | None = None, *headers: bytes
    ) -> Answer:
        visit = next(_VISITS)
        headers = (
            *self.house.headers(who),
            b"Accept-Language: en",
            b"X-Forwarded-For: 198.%d.%d.%d" % (18 + visit // 62_500, visit // 250 % 250, 1 + visit % 250),
            *headers,  # the brake would answer most of one address
        )
        answer = await self.house.server.ask(method.encode(), path.encode("ascii", "replace"), *headers, body=body)
        about = f"{who}: {method} {path} {(body or (b'',))[-1][:300]!r}".encode()
        self.verdict.on(about, answer)
        glimpse = await self.house.glimpse()
        after = self._before if glimpse == self._glimpse else await self.house.stored()
        self._read(about.decode(), who, path, answer)
        if after is not self._before:
            self._compare(about.decode(), who, method, answer, after)
        # Signing out and an ended session are good requests, too, but nothing else would be one after them.
        if after != self._before or glimpse[_SESSIONS] != self._glimpse[_SESSIONS]:
            await self.house.put_back(self._whole)
            await self._look()
        else:
            self._glimpse = glimpse
        return answer

    def _read(self, about: str, who: str, path: str, answer: Answer) -> None:
        if who != "owner" and path not in FOR_MONITORING and MARK in without_its_address(answer, path):
            self._say(f"tells of another office: {about}")

    def _compare(self, about: str, who: str, method: str, answer: Answer, after: Rows) -> None:
        changed = sorted(name for name, rows in after.items() if rows != self._before[name])
        if changed and (is_refused(method, answer) or method in SAFE):
            self._say(f"answered {answer.status} and stored {changed}: {about}")
        if who != "owner" and of(SOUTH, after) != of(SOUTH, self._before):
            self._say(f"reached another office: {about}")
        if HUSH in str(after):
            self._say(f"a secret lies open: {about}")
        if changed:
            self._look_for_odd(about, changed, after)

    def _look_for_odd(self, about: str, changed: Sequence[str], after: Rows) -> None:
        for table in changed:
            for row in set(after[table]) - set(self._before[table]):
                for text in texts_in(row):
                    if len(text) > LONGEST_STORED or "\0" in text or any("\ud800" <= c <= "\udfff" for c in text):
                        self._say(f"{table} keeps {text[:60]!r}, {len(text)} characters: {about}")

    def _say(self, what: str) -> None:
        self.verdict.wrong.append(what[:600])

    def done(self, printed: str = "") -> None:
        assert not self.verdict.wrong, "\n".join(self.verdict.wrong[:40])
        assert_quiet(printed)


@pytest_asyncio.fixture
async def judge(house: House) -> Judge:
    made = Judge(house)
    await made.begin()
    return made


def without_its_address(answer: Answer, path: str) -> str:
    """The body, without the ids that the sender has named."""
    body = answer.body.decode("utf-8", "replace")
    for part in filter(None, path.split("/")):
        body = body.replace(part, "")
    return body


def is_refused(method: str, answer: Answer) -> bool:
    """By its status, or because the form comes back with what is wrong in it."""
    return answer.status >= 400 or (method == "POST" and answer.status == 200 and b'role="alert"' in answer.body)


def texts_in(row: Sequence[Any]) -> list[str]:
    """All values of a row that are texts, also those within its JSON."""
    found: list[str] = []
    level: list[Any] = list(row)
    while level:
        value = level.pop()
        if isinstance(value, dict):
            level += [*value, *value.values()]
        elif isinstance(value, list):
            level += value
        elif isinstance(value, str):
            try:
                inner = json.loads(value)
            except ValueError:
                inner = None
            if isinstance(inner, dict | list):
                level.append(inner)
            else:
                found.append(value)
    return found


def hushed(name: str, value: str) -> str:
    return HUSH if "secret" in name or "password" in name else value


def bodies_for(house: House, path: str, names: Sequence[str]) -> list[tuple[bytes, bytes]]:
    """Of one address: everything missing, odd, twice, as a file, of another type."""
    own = {name: hushed(name, value) for name, value in house.form_for(path).items() if name != _INSIST}
    every = {name: hushed(name, "9" * 5000) for name in names if name != _INSIST}
    twice = [*own.items(), *((name, "x") for name in own)]
    found = [(FORM, b""), (FORM, urlencoded(own.items())), (FORM, urlencoded(twice)), (FORM, urlencoded(every.items()))]
    for odd in ("", "\0", "\ud800", "1e308", "[", "\u202e<b>\r\n", "00000", "²"):
        found.append((FORM, urlencoded((name, hushed(name, odd)) for name in own or names)))
    found += [
        files_of(own or dict.fromkeys(names, "x")),
        (JSON, json.dumps(own or {"a": 1}).encode()),
        (JSON, b"[" * 2000),
        (b"text/plain", urlencoded(own.items())),
        (FORM + b"; charset=utf-16", urlencoded(own.items())),
        (b"", urlencoded(own.items())),
    ]
    return found


def files_of(fields: dict[str, str]) -> tuple[bytes, bytes]:
    """Each field as a file."""
    parts = [
        b'--b\r\nContent-Disposition: form-data; name="%s"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\n%s\r\n'
        % (name.encode("ascii", "replace").replace(b'"', b"?"), value.encode("utf-8", "replace"))
        for name, value in fields.items()
        if name != _INSIST
    ]
    return b"multipart/form-data; boundary=b", b"".join(parts) + b"--b--\r\n"


async def test_the_pages_and_the_router_are_really_read(house: House) -> None:
    """Else the tests below would try nothing."""
    patterns = {route.pattern for route in house.routes()}
    assert {"/admin/setup/{office}/pbx", "/api/offices/{office}", "/admin/{account}/people"} <= patterns
    assert house.form_for(f"/admin/setup/{NORTH}/pbx")["username"] == "dozvon"
    assert {"client_id", "new_line", "task_deadline_seconds", "time_zone", f"extension.{610077}"} <= set(house.names)
    sends = {route.pattern for route in house.routes() if route.method == "POST" and "setup" in route.pattern}
    formless = {pattern for pattern in sends if not house.form_for(house.path(Route("POST", pattern), NORTH))}
    assert formless <= {"/setup", "/admin/setup/{office}/{step}/kept", "/admin/setup/{office}/pbx/trunks",
                        "/admin/setup/{office}/pbx/remove", "/admin/setup/{office}/crm/remove",
                        "/admin/setup/{office}/keys/{key}/revoke"}, formless  # fmt: skip


@on_both_databases
async def test_every_address_takes_every_odd_form(
    house: House, judge: Judge, capfd: pytest.CaptureFixture[str]
) -> None:
    for route in house.routes():
        if route.method in SAFE:
            continue
        path, method, who = house.path(route, NORTH), route.method.replace("*", "POST"), "northerner"
        for body in bodies_for(house, path, house.names):
            answer = await judge.send(who, method, path, body)
            who = "owner" if answer.status == 403 else who  # what an administrator of one office may not
    assert judge.verdict.count > 500
    judge.done("".join(capfd.readouterr()))


@on_both_databases
async def test_nobody_reaches_another_office(house: House, judge: Judge, capfd: pytest.CaptureFixture[str]) -> None:
    """Each address of the second office with its own good form, and each of the first with ids of the second."""
    for route, who in itertools.product(house.routes(), ("northerner", "manager", "nobody")):
        method = route.method.replace("*", "POST")
        paths = {house.path(route, SOUTH)}
        paths |= {house.path(route, NORTH, {hole: house.fitting(hole, SOUTH)}) for hole in route.holes}
        for path in sorted(paths):
            own = {name: hushed(name, value) for name, value in house.form_for(path).items()}
            body = None if method in SAFE else (FORM, urlencoded({**own, "confirmed": "1"}.items()))
            await judge.send(who, method, path, body)
    judge.done("".join(capfd.readouterr()))


async def test_a_method_that_an_address_does_not_have_changes_nothing(house: House, judge: Judge) -> None:
    patterns = sorted({route.pattern for route in house.routes()})
    for pattern, method in itertools.product(patterns, METHODS):
        path = house.path(Route(method, pattern), NORTH)
        await judge.send("owner", method, path, None if method in SAFE else (FORM, b"x=y"))
    judge.done()


@on_both_databases
@given(data=st.data())
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_whatever_is_sent_by_whoever(house: House, judge: Judge, data: st.DataObject) -> None:
    """As the tests above, with anything in any field of any address."""
    judge.verdict = Verdict()
    route = data.draw(st.sampled_from([each for each in house.routes() if each.method not in SAFE]), label="route")
    office = data.draw(st.sampled_from([NORTH, SOUTH]), label="office")
    path = house.path(route, office)
    body = data.draw(st.one_of(_forms(house, path), _documents()), label="body")
    await judge.send(data.draw(st.sampled_from(WHO), label="who"), route.method.replace("*", "POST"), path, body)
    judge.done()


def _forms(house: House, path: str) -> st.SearchStrategy[tuple[bytes, bytes]]:
    """The page's own form with some fields replaced, left out, or sent twice."""
    own = {name: value for name, value in house.form_for(path).items() if name != _INSIST}
    names = st.sampled_from([name for name in (sorted(own) or house.names) if name != _INSIST] or ["x"])
    odd = st.one_of(st.sampled_from(ODD), st.text(max_size=80))
    changes = st.lists(st.tuples(names, odd), max_size=6)
    gone = st.sets(names, max_size=3)

    def made(changed: list[tuple[str, str]], left_out: set[str], twice: bool) -> tuple[bytes, bytes]:
        fields = [(name, value) for name, value in own.items() if name not in left_out]
        fields = fields if twice else [each for each in fields if each[0] not in dict(changed)]
        return FORM, urlencoded((name, hushed(name, value)) for name, value in [*fields, *changed])

    return st.builds(made, changes, gone, st.booleans())


def _documents() -> st.SearchStrategy[tuple[bytes, bytes]]:
    keys = st.sampled_from(["id", "crm", "amocrm", "asterisk", "line", "employee", "dial", "name", "number", "request",
                            "call", "protocol", "text", "office"])  # fmt: skip
    values = st.recursive(
        st.sampled_from(ODD_JSON), lambda inner: st.dictionaries(keys, inner, max_size=3), max_leaves=8
    )
    return st.dictionaries(keys, values, max_size=6).map(lambda body: (JSON, json.dumps(body).encode()))
