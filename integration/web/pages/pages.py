"""The administrator's pages: routes and what each page is given. Rows are made in `view.py`, words in `texts.py`."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import jinja2
from aiohttp import web

from integration import __version__
from integration.domain.calls.call import Call
from integration.domain.calls.intents import IntentKind
from integration.domain.crm.entities import EntityKind, EntityRef
from integration.domain.ids import AccountId, CallId, Extension, ManagerId, Timestamp
from integration.domain.numbers.client import client_of, search_keys
from integration.domain.numbers.phone import PhoneNumber
from integration.domain.people.mapping import PbxUser, callable_managers, problems, suggest
from integration.domain.reasons import Reason
from integration.domain.routing.route import RouteDecision, RouteQuestion, Step
from integration.domain.settings import Employee, PhoneType
from integration.errors import DozvonError
from integration.ports.clock import Clock
from integration.ports.stores import CallStore, Outbox, OutboxState, PhoneBook, RouteLog
from integration.services.accounts import Account, Accounts, ChangedMeanwhile, NamedInFile, mark_of
from integration.services.cluster.live_calls import LiveCalls
from integration.services.phone_book import PhoneBookMirror
from integration.services.tracking import CallTracking
from integration.texts import LANGUAGES
from integration.texts.pages import texts
from integration.texts.reasons import sentence
from integration.web.forms import read_form
from integration.web.language import COOKIE, language_of, with_language
from integration.web.pages.session import AdminSessions, local_path
from integration.web.pages.view import call_row, delivery_text, moment, outbox_rows, press_rows, timeline_rows

_HERE = Path(__file__).parent
_PAGE_ROWS = 50
_LONGEST_SEARCH = 250  # characters: a whole phone field of the CRM may be looked for

Ask = Callable[[Account, RouteQuestion], Awaitable[RouteDecision]]
"""Decides without a call ("what would happen")."""


class HeldConsent(Protocol):
    """A consent that the CRM gave without being asked by us: an administrator decides."""

    @property
    def id(self) -> str: ...

    @property
    def host(self) -> str: ...


class Timeline(Protocol):
    async def timeline(self, account: AccountId, call: CallId) -> list[dict[str, Any]]: ...


class CallJournal(CallStore, Timeline, Protocol):
    """The call store with its timelines."""


class AdminPages:
    def __init__(
        self,
        *,
        accounts: Accounts,
        tracking: dict[AccountId, CallTracking],
        live_calls: LiveCalls,
        calls: CallJournal,
        outbox: Outbox,
        phone_book: PhoneBook,
        routes: RouteLog,
        mirror: PhoneBookMirror,
        sessions: AdminSessions,
        clock: Clock,
        ask: Ask,
        wake: Callable[[], None],
        read_anew: Callable[[AccountId], None],
        connect_urls: dict[AccountId, str],
        held_consents: Callable[[AccountId], Sequence[HeldConsent]],
    ) -> None:
        self._accounts = accounts
        self._tracking = tracking
        self._live_calls = live_calls
        self._calls = calls
        self._outbox = outbox
        self._phone_book = phone_book
        self._routes = routes
        self._mirror = mirror
        self._sessions = sessions
        self._clock = clock
        self._ask = ask
        self._wake = wake
        self._read_anew = read_anew
        self._connect_urls = connect_urls
        self._held_consents = held_consents
        self._jinja = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_HERE / "templates"), autoescape=True, undefined=jinja2.StrictUndefined
        )

    def routes(self) -> list[web.AbstractRouteDef]:
        own = "/admin/{account}"
        return [
            web.get("/admin/login", self.show_login),
            web.post("/admin/login", self.sign_in),
            web.post("/admin/logout", self.sign_out),
            web.static("/admin/static", _HERE / "static"),
            web.get("/admin", self.home),
            web.get(own, self.overview),
            web.post(f"{own}/enabled", self.switch),
            web.post(f"{own}/phone-book", self.read_anew),
            web.get(f"{own}/calls", self.calls),
            web.get(f"{own}/calls/{{call}}", self.call),
            web.get(f"{own}/delivery", self.delivery),
            web.post(f"{own}/delivery/{{item:[0-9]{{1,18}}}}/retry", self.retry),
            web.post(f"{own}/delivery/{{item:[0-9]{{1,18}}}}/discard", self.discard),
            web.get(f"{own}/people", self.people),
            web.post(f"{own}/people", self.save_people),
            web.get(f"{own}/route", self.what_if),
        ]

    # ---- signing in ------------------------------------------------------------------------------------------------

    async def show_login(self, request: web.Request) -> web.Response:
        return await self._page(request, "login.html", next=local_path(request.query.get("next", "")), failed=False)

    async def sign_in(self, request: web.Request) -> web.StreamResponse:
        form = await read_form(request)
        goal = local_path(form.get("next", ""))
        welcome = web.HTTPSeeOther(goal)
        if await self._sessions.sign_in(request, form.get("password", ""), welcome):
            raise welcome
        return await self._page(request, "login.html", next=goal, failed=True)

    async def sign_out(self, request: web.Request) -> web.StreamResponse:
        farewell = web.HTTPSeeOther("/admin/login")
        everywhere = bool((await read_form(request)).get("everywhere"))
        await self._sessions.sign_out(request, farewell, everywhere=everywhere)
        raise farewell

    # ---- overview --------------------------------------------------------------------------------------------------

    async def home(self, request: web.Request) -> web.StreamResponse:
        accounts = list(self._accounts)
        if len(accounts) == 1:
            raise web.HTTPSeeOther(with_language(request, f"/admin/{accounts[0].id}"))
        return await self._page(request, "accounts.html", accounts=accounts)

    async def overview(self, request: web.Request) -> web.Response:
        account = self._account(request)
        tracking = self._tracking.get(account.id)
        return await self._page(
            request,
            "overview.html",
            account=account,
            section="overview",
            condition=account.condition,
            until=moment(Timestamp(account.condition.until), account) if account.condition.until else "",
            connect_url=self._connect_urls.get(account.id) if _is_for_consent(account) else None,
            held_consents=self._held_consents(account.id),
            waiting=(await self._outbox.depth_of(account.id))[OutboxState.WAITING],
            link_reason=tracking.link_reason if tracking else "",
            live_calls=len(await self._live_calls.of(account)),
            persons=await self._phone_book.size(account.id),
            mirror=self._mirror.state(account.id),
            rows=await self._rows(account, await self._calls.recent(account.id, limit=8)),
        )

    async def switch(self, request: web.Request) -> web.StreamResponse:
        account = self._account(request)
        enabled = bool((await read_form(request)).get("enabled"))
        await self._accounts.set_enabled(account, enabled=enabled)
        raise self._told(f"/admin/{account.id}", "switched_on" if enabled else "switched_off")

    async def read_anew(self, request: web.Request) -> web.StreamResponse:
        account = self._account(request)
        self._read_anew(account.id)
        raise self._told(f"/admin/{account.id}", "reading_anew")

    # ---- calls -----------------------------------------------------------------------------------------------------

    async def calls(self, request: web.Request) -> web.Response:
        account = self._account(request)
        number = request.query.get("number", "")[:_LONGEST_SEARCH]
        before = _moment(request.query.get("before", ""))
        found = await self._found(account, number, before)
        return await self._page(
            request,
            "calls.html",
            account=account,
            section="calls",
            number=number,
            rows=await self._rows(account, found),
            nothing_found="no_calls_found" if number.strip() else "no_older_calls" if before else "no_calls",
            older=found[-1].started_at if len(found) == _PAGE_ROWS else None,
        )

    async def call(self, request: web.Request) -> web.Response:
        account = self._account(request)
        call = await self._calls.get(account.id, CallId(request.match_info["call"]))
        if call is None:
            raise web.HTTPNotFound
        lang = language_of(request)
        decision = await self._routes.of(account.id, call.id)
        results = await self._outbox.results(account.id, call.id)
        logged = results.get(IntentKind.LOG_CALL, {})
        recording = results.get(IntentKind.FETCH_RECORDING, {}).get("recording")
        entity = logged.get("entity")
        [row] = await self._rows(account, [call])
        items = await self._outbox.of_call(account.id, call.id)
        return await self._page(
            request,
            "call.html",
            account=account,
            section="calls",
            call=call,
            row=row,
            route_reasons=_sentences(account, decision.reasons, lang) if decision else [],
            attribution_reasons=_sentences(account, map(_stored_reason, logged.get("reasons", [])), lang),
            crm_url=account.crm.entity_url(EntityRef(EntityKind(entity["kind"]), entity["id"])) if entity else None,
            recording=f"/r/{recording}.mp3" if recording else None,
            presses=press_rows(account, call),
            timeline=timeline_rows(await self._calls.timeline(account.id, call.id), call.started_at),
            outbox=outbox_rows(account, items),
            delivery_text=delivery_text(call, items),
        )

    # ---- delivery --------------------------------------------------------------------------------------------------

    async def delivery(self, request: web.Request) -> web.Response:
        account = self._account(request)
        states = (OutboxState.DEAD, OutboxState.WAITING, OutboxState.DISCARDED)
        dead, waiting, discarded = [
            outbox_rows(account, await self._outbox.listing(account.id, [state], limit=200)) for state in states
        ]
        return await self._page(
            request,
            "delivery.html",
            account=account,
            section="delivery",
            dead_items=dead,
            waiting_items=waiting,
            discarded_items=discarded,
        )

    async def retry(self, request: web.Request) -> web.StreamResponse:
        account = self._account(request)
        item = int(request.match_info["item"])
        revived = await self._outbox.revive(account.id, item, now=self._clock.now())
        if revived:
            self._wake()
        raise self._told(f"/admin/{account.id}/delivery", "retried" if revived else "already_gone")

    async def discard(self, request: web.Request) -> web.StreamResponse:
        account = self._account(request)
        item = int(request.match_info["item"])
        if await self._outbox.discard(account.id, item):
            raise self._told(f"/admin/{account.id}/delivery", "discarded", undo=str(item))
        raise self._told(f"/admin/{account.id}/delivery", "already_gone")

    # ---- people ----------------------------------------------------------------------------------------------------

    async def people(self, request: web.Request) -> web.Response:
        account = self._account(request)
        return await self._people_page(request, account, account.settings.employees, [])

    async def save_people(self, request: web.Request) -> web.StreamResponse:
        account = self._account(request)
        form = await read_form(request)
        await self._accounts.reload(account)  # what other processes have stored, also when their news was lost
        managers = callable_managers(account.managers.values())
        users, _ = await _pbx_users(account)
        wanted = {m.id: form.get(f"extension.{m.id}", "")[:20] for m in managers}
        if form.get("do") == "suggest":
            taken = set(wanted.values())
            for manager, extension in suggest(managers, users).items():
                if not wanted.get(manager) and extension not in taken:
                    wanted[manager] = extension
        doubled = sorted({e for e in wanted.values() if e and list(wanted.values()).count(e) > 1})
        people = _employees(account, wanted, form, users)
        if doubled:
            t = texts(language_of(request))
            return await self._people_page(
                request, account, people, [t["doubled"].format(extension=e) for e in doubled], wanted=wanted
            )
        t = texts(language_of(request))
        try:
            await self._accounts.set_employees(account, people, shown=form.get("shown") or None)
        except ChangedMeanwhile:
            await self._accounts.reload(account)
            return await self._people_page(request, account, account.settings.employees, [t["changed_meanwhile"]])
        except NamedInFile as exc:
            error = t["named_in_file"].format(extension=exc.extension)
            return await self._people_page(request, account, people, [error], wanted=wanted)
        raise self._told(f"/admin/{account.id}/people", "saved")

    async def _people_page(
        self,
        request: web.Request,
        account: Account,
        employees: tuple[Employee, ...],
        errors: list[str],
        *,
        wanted: dict[ManagerId, str] | None = None,
    ) -> web.Response:
        t = texts(language_of(request))
        managers = callable_managers(account.managers.values())
        users, is_asked = await _pbx_users(account)
        wrong = problems(managers, employees, users)
        guesses = suggest(managers, users)
        by_manager = {e.manager: e for e in employees if e.manager}
        rows = []
        for manager in managers:
            employee = by_manager.get(manager.id)
            extension = (wanted or {}).get(manager.id, employee.extension if employee else "")
            notes = []
            if employee is not None and employee.extension in account.named_in_file:
                notes.append({"tone": "soft", "text": t["note_in_file"]})
            if manager.id in wrong.unmapped:
                notes.append({"tone": "warn", "text": t["note_unmapped"]})
            if extension in wrong.doubled or manager.id in wrong.doubled:
                notes.append({"tone": "bad", "text": t["note_doubled"]})
            if extension in wrong.missing:
                notes.append({"tone": "bad", "text": t["note_missing"]})
            choices = (
                users if any(u.extension == extension for u in users) or not extension else [*users, PbxUser(extension)]
            )
            rows.append(
                {
                    "manager": manager,
                    "extension": extension,
                    "type": employee.phone_type if employee else PhoneType.SIP,
                    "choices": choices,
                    "suggestion": guesses.get(manager.id),
                    "notes": notes,
                }
            )
        return await self._page(
            request,
            "people.html",
            account=account,
            section="people",
            rows=rows,
            shown=mark_of(account.settings.employees),
            problems=errors + ([] if is_asked else [t["pbx_silent"]]),
            has_suggestions=any(r["suggestion"] and not r["extension"] for r in rows),
        )

    # ---- what would happen -----------------------------------------------------------------------------------------

    async def what_if(self, request: web.Request) -> web.Response:
        account = self._account(request)
        lang = language_of(request)
        number, line = request.query.get("number", "")[:_LONGEST_SEARCH], request.query.get("line", "")[:64]
        decision = await self._ask(account, RouteQuestion(did=line, caller=number)) if number or line else None
        t = texts(lang)
        return await self._page(
            request,
            "route.html",
            account=account,
            section="what_if",
            number=number,
            line=line,
            decision=decision,
            steps=[_step_text(step, t) for step in decision.steps] if decision else [],
            reasons=_sentences(account, decision.reasons, lang) if decision else [],
        )

    # ---- pieces ----------------------------------------------------------------------------------------------------

    async def _found(self, account: Account, number: str, before: Timestamp | None) -> list[Call]:
        """The newest calls with every number of a text; all of them without one."""
        if not number.strip():
            return await self._calls.recent(account.id, limit=_PAGE_ROWS, before=before)
        found = [
            await self._calls.recent(account.id, match_key=key, limit=_PAGE_ROWS, before=before)
            for key in search_keys(number, account.settings.numbering)
        ]
        newest_first = sorted((call for calls in found for call in calls), key=lambda call: -call.started_at)
        return newest_first[:_PAGE_ROWS]

    async def _rows(self, account: Account, calls: list[Call]) -> list[Any]:
        rows = []
        for call in calls:
            client = client_of(call, account.settings.numbering)
            key = client.match_key if isinstance(client, PhoneNumber) else None
            persons = await self._phone_book.lookup(account.id, key) if key else []
            rows.append(call_row(account, call, persons[0].name if persons else ""))
        return rows

    def _account(self, request: web.Request) -> Account:
        account = self._accounts.get(AccountId(request.match_info["account"]))
        if account is None:
            raise web.HTTPNotFound
        return account

    def _told(self, path: str, key: str, *, undo: str = "") -> web.HTTPSeeOther:
        """Back to a page, which says what was done; `undo` is the outbox item that can be taken back."""
        return web.HTTPSeeOther(f"{path}?done={key}" + (f"&item={undo}" if undo else ""))

    def error_page(self, request: web.Request, status: int, message: str) -> web.Response:
        """For a person whose request failed. Asks nobody: the database may be what failed."""
        lang = language_of(request)
        html = self._jinja.get_template("error.html").render(
            {
                "t": texts(lang),
                "lang": lang,
                "version": __version__,
                "account": None,
                "section": "",
                "message": "",
                "signed_in": False,
                "status": status,
                "sentence": message,
            }
        )
        return web.Response(text=html, status=status, content_type="text/html", headers={"Cache-Control": "no-store"})

    async def _page(self, request: web.Request, template: str, **values: Any) -> web.Response:
        lang = language_of(request)
        t = texts(lang)
        account: Account | None = values.get("account")
        done, item = request.query.get("done", ""), request.query.get("item", "")
        is_number = item.isascii() and item.isdigit() and len(item) <= 18
        undo = f"/admin/{account.id}/delivery/{item}/retry" if account and is_number else ""
        dead = (await self._outbox.depth_of(account.id))[OutboxState.DEAD] if account else 0
        html = self._jinja.get_template(template).render(
            {
                "t": t,
                "lang": lang,
                "version": __version__,
                "account": None,
                "section": "",
                "message": t.get(done, "") if done in t else "",
                "message_kind": "bad" if done in ("already_gone", "consent_gone") else "",
                "undo": undo if done == "discarded" else "",
                "signed_in": await self._sessions.is_signed_in(request),
                "enabled": self._sessions.is_enabled,
                "dead": dead,
                **values,
            }
        )
        response = web.Response(text=html, content_type="text/html", headers={"Cache-Control": "no-store"})
        if request.query.get("lang") in LANGUAGES:
            response.set_cookie(COOKIE, lang, max_age=365 * 24 * 3600, samesite="Lax", httponly=True)
        return response


def _is_for_consent(account: Account) -> bool:
    trouble = account.condition.trouble
    return trouble is not None and trouble.is_for_consent


def _moment(text: str) -> Timestamp | None:
    try:
        moment = float(text[:40]) if text else math.nan
    except ValueError:
        return None
    return Timestamp(moment) if math.isfinite(moment) else None


def _sentences(account: Account, reasons: Iterable[Reason], lang: str) -> list[str]:
    names = {str(manager.id): manager.name for manager in account.managers.values()}
    return [sentence(reason, lang, names=names) for reason in reasons]


def _stored_reason(stored: dict[str, Any]) -> Reason:
    return Reason(code=str(stored["code"]), detail=dict(stored["detail"]))


def _step_text(step: Step, t: dict[str, str]) -> str:
    return t[f"step_{step.kind}"].format(target=step.target or "", seconds=step.seconds or "")


async def _pbx_users(account: Account) -> tuple[list[PbxUser], bool]:
    """The PBX's extensions, with those that are mapped already; and whether the PBX was asked."""
    known = {e.extension: PbxUser(e.extension, e.name) for e in account.settings.employees}
    try:
        asked = await account.pbx.employees()
    except DozvonError:
        return sorted(known.values(), key=lambda u: u.extension), False
    users = {user.extension: PbxUser(user.extension, user.name) for user in asked}
    return sorted(users.values(), key=lambda u: u.extension), True


def _employees(
    account: Account, wanted: dict[ManagerId, str], form: dict[str, str], users: list[PbxUser]
) -> tuple[Employee, ...]:
    """The new mapping: those who are mapped, and the PBX's other people as outside the integration."""
    old = {e.extension: e for e in account.settings.employees}
    names = {user.extension: user.name for user in users}
    # A manager dismissed in the CRM is not shown, but keeps the extension until another manager gets it.
    people = {e.extension: replace(e, manager=None) if e.manager in wanted else e for e in old.values()}
    for manager, extension in wanted.items():
        if not extension:
            continue
        kind = PhoneType.WEB if form.get(f"type.{manager}") == "web" else PhoneType.SIP
        base = old.get(Extension(extension)) or Employee(extension=Extension(extension), name=names.get(extension, ""))
        people[Extension(extension)] = replace(base, manager=manager, phone_type=kind)
    return tuple(people.values())
