"""The wizard's screen about the CRM: addresses to copy, keys, consent, what was checked, and the widget."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from aiohttp import web

from integration.domain.access import Permission
from integration.domain.connections.state import ConnectionStatus
from integration.domain.ids import AccountId
from integration.domain.sentences import say
from integration.domain.setup import Step
from integration.errors import ConfigError, DozvonError
from integration.ports.crm_setup import CrmVariant
from integration.texts.settings import Problem, setting_problem
from integration.texts.setup import setup_texts
from integration.web.forms import read_form
from integration.web.language import language_of, with_language
from integration.web.permissions import needs
from integration.web.setup.connections import CRM_REMOVAL, crm_connections
from integration.web.setup.desk import NEW
from integration.web.setup.frame import Frame, Opened, Wrong, path_of, seen_of
from integration.web.setup.shown import shown_findings


class HeldConsent(Protocol):
    @property
    def id(self) -> str: ...

    @property
    def host(self) -> str: ...


class CrmScreen:
    """
    Args:
        held_consents: those that wait for the word of an administrator who sees these accounts.
        has_spoken: whether a manager of the account has a page with the widget open.
    """

    def __init__(
        self,
        frame: Frame,
        *,
        held_consents: Callable[[AccountId, Callable[[AccountId], bool]], Sequence[HeldConsent]],
        has_spoken: Callable[[AccountId], Awaitable[bool]],
    ) -> None:
        self._frame = frame
        self._held_consents = held_consents
        self._has_spoken = has_spoken

    def routes(self) -> Sequence[web.AbstractRouteDef]:
        return needs(
            Permission.CHANGE_OFFICE,
            web.get("/admin/setup/{office}/crm", self.show),
            web.post("/admin/setup/{office}/crm", self.save),
            web.get("/admin/setup/{office}/crm/widget", self.widget),
            web.get("/admin/setup/{office}/crm/remove", self.remove),
            web.post("/admin/setup/{office}/crm/remove", self.remove),
        )

    async def show(self, request: web.Request) -> web.Response:
        return await self._page(request, await self._frame.open(request))

    async def _page(
        self, request: web.Request, opened: Opened, form: Mapping[str, str] | None = None, wrong: Wrong | None = None
    ) -> web.Response:
        lang, desk = language_of(request), self._frame.desk
        _, stored_variant = self._chosen(opened, {})
        kind, variant = self._chosen(opened, form or {**opened.kept(Step.CRM), **request.query})
        setup, account = desk.crms[kind], opened.parts.account
        way = setup.way_of(variant)
        table: Mapping[str, Any] = opened.parts.account_document.get(kind, {})
        state = desk.crm_state(account) if account is not None else None
        stored = _stored_secrets(opened, kind)
        redirect, disconnect = desk.addresses(kind, account or desk.new_account(opened.parts))
        findings = []
        if account is not None and request.query.get("check") and (connector := await desk.connector(account)):
            findings = await connector.check()
        return await self._frame.page(
            request,
            opened,
            Step.CRM,
            values={each.option: str(table.get(each.option, "")) for each in (*setup.keys, *setup.advanced)}
            | {"variant": stored_variant.key if account is not None else ""}
            | dict(form or {}),
            wrong=wrong,
            crm_account=account,
            kind=kind,
            variant=variant,
            variants=[
                (each.key, say(each.label, lang), each.hint.text(lang) if each.hint is not None else "")
                for each in self._offered(opened)
            ],
            variant_name=say(variant.label, lang),
            to_variant=opened.path(Step.CRM, account="" if account or not opened.parts.accounts else NEW),
            instructions=[each.text(lang) for each in way.steps],
            redirect=redirect if way.redirect else "",
            disconnect=disconnect if way.disconnect else "",
            consent=way.consent,
            after_keys=way.after_keys.text(lang) if way.after_keys is not None else "",
            keys=[(each, each.label.text(lang), each.option in stored) for each in way.keys],
            advanced=[(each, each.label.text(lang)) for each in setup.advanced],
            state=state,
            is_ready=state is not None and state.status is ConnectionStatus.READY,
            connections=crm_connections(opened, desk, lang),
            another=opened.path(Step.CRM, account=NEW),
            action=opened.path(Step.CRM)
            if account or not opened.parts.accounts
            else opened.path(Step.CRM, account=NEW),
            to_check=opened.path(Step.CRM, "consent", check="1"),
            to_widget=opened.path(Step.CRM, below="widget"),
            to_remove=opened.path(Step.CRM, below="remove") if len(opened.parts.accounts) > 1 else "",
            pbxs=[(str(each), each in _pbxs_of(opened)) for each in opened.parts.pbxs],
            held=self._held_consents(account, self._frame.shell.is_visible(request)) if account is not None else (),
            after_widget=setup.after_widget.text(lang) if setup.after_widget is not None else "",
            has_spoken=account is not None and await self._has_spoken(account),
            findings=shown_findings(findings, lang),
            advanced_open=wrong is not None and any(each.option in wrong.fields for each in setup.advanced),
            is_checked=bool(request.query.get("check")),
        )

    def _chosen(self, opened: Opened, form: Mapping[str, str]) -> tuple[str, CrmVariant]:
        """The kind and the variant: of the form, else of what is stored, else the first one."""
        crms = self._frame.desk.crms
        offered = self._offered(opened)
        every = {each.key: (kind, each) for kind, setup in crms.items() for each in setup.variants if each in offered}
        if form.get("variant") in every:
            return every[form["variant"]]
        kind = str(opened.parts.account_document.get("crm") or next(iter(crms)))
        if kind not in crms:
            kind = next(iter(crms))
        table: Mapping[str, Any] = opened.parts.account_document.get(kind, {})
        known = {*table, *_stored_secrets(opened, kind)}

        def fitness(variant: CrmVariant) -> tuple[int, int]:
            keys = crms[kind].way_of(variant).keys
            return sum(key.option in known for key in keys), len(variant.options)

        fits = [each for each in crms[kind].variants if all(table.get(k) == v for k, v in each.options.items())]
        return kind, max(fits, key=fitness) if fits else crms[kind].variants[0]

    def _offered(self, opened: Opened) -> list[CrmVariant]:
        """Of a stored account only its own kind: another CRM is another connection, with other people and tokens."""
        crms, own = self._frame.desk.crms, opened.parts.account_document.get("crm")
        kinds = [str(own)] if own in crms else list(crms)
        return [each for kind in kinds for each in crms[kind].variants]

    async def save(self, request: web.Request) -> web.StreamResponse:
        opened, form = await self._frame.open(request), await read_form(request)
        if form.get("do") == "done":
            raise await self._frame.finish(request, opened.office, Step.CRM)
        if not opened.parts.pbxs and opened.parts.account is None:
            raise web.HTTPSeeOther(with_language(request, path_of(opened.office, Step.PBX)))
        kind, variant = self._chosen(opened, form)
        account = opened.parts.account or self._frame.desk.new_account(opened.parts)
        names = {"pbxs": "pbxs"} | {f"{kind}.{key.option}": key.option for key in self._keys(kind)}
        try:
            await self._frame.desk.put(
                opened.office,
                f"account/{account}",
                self._document(opened, kind, variant, form),
                seen=seen_of(form, opened),
                who=self._frame.shell.who(request),
            )
        except DozvonError as exc:
            wrong = self._frame.refused(request, exc, names)
            self._name_missing(request, opened, (kind, variant), form, wrong)
            return await self._page(request, opened, form, wrong)
        await self._frame.desk.store.keep(opened.office, Step.CRM, None)
        await self._frame.desk.connector(account)  # it starts at once: the next page has its button
        chosen = str(account) if opened.parts.accounts and account != next(iter(opened.parts.accounts)) else ""
        raise web.HTTPSeeOther(with_language(request, opened.path(Step.CRM, account=chosen)))

    def _name_missing(
        self,
        request: web.Request,
        opened: Opened,
        chosen: tuple[str, CrmVariant],
        form: Mapping[str, str],
        wrong: Wrong,
    ) -> None:
        """What was refused may stand beside a key of another way, which is not shown: then an empty one of this way."""
        kind, variant = chosen
        keys = self._frame.desk.crms[kind].way_of(variant).keys
        known = {*opened.parts.account_document.get(kind, {}), *_stored_secrets(opened, kind)}
        if not any(key.option in wrong.fields for key in keys):
            for key in keys:
                if not form.get(key.option, "").strip() and key.option not in known:
                    wrong.fields[key.option] = setting_problem(Problem.NEEDED, {}, language_of(request))

    async def remove(self, request: web.Request) -> web.StreamResponse:
        """Asks first, with what follows from it. The stored calls, people and waiting deliveries stay."""
        opened = await self._frame.open(request)
        account = opened.parts.account
        if account is None:
            raise web.HTTPNotFound
        s = setup_texts(language_of(request))
        if len(opened.parts.accounts) == 1:
            return await self._page(request, opened, None, Wrong(page=[s["crm_is_last"]]))
        form = await read_form(request) if request.method == "POST" else {}
        if not form.get("confirmed"):
            consequences = [s[key].format(account=account) for key in CRM_REMOVAL]
            return await self._frame.ask(request, opened, s["crm_remove"], consequences, Step.CRM)
        seen, who = seen_of(form, opened), self._frame.shell.who(request)
        try:
            await self._frame.desk.remove(opened.office, f"account/{account}", seen=seen, who=who)
        except DozvonError as exc:
            return await self._page(request, opened, None, self._frame.refused(request, exc, {}))
        raise web.HTTPSeeOther(with_language(request, path_of(opened.office, Step.CRM)))

    def _keys(self, kind: str) -> list[Any]:
        setup = self._frame.desk.crms[kind]
        return [*setup.keys, *setup.advanced]

    def _document(self, opened: Opened, kind: str, variant: CrmVariant, form: Mapping[str, str]) -> dict[str, Any]:
        """The account with what was entered. A secret that was left empty stays as it is."""
        state, parts = opened.state, opened.parts
        before = dict(parts.account_document)
        table: dict[str, Any] = {**before.pop(kind, {}), **variant.options}
        setup = self._frame.desk.crms[kind]
        own = {key.option for key in setup.way_of(variant).keys}
        for key in setup.keys:
            if key.option not in own:  # of another way to connect it
                table.pop(key.option, None)
                if key.is_secret and key.option in _stored_secrets(opened, kind):
                    table[key.option] = None  # takes the stored one away
        for key in (*setup.way_of(variant).keys, *setup.advanced):
            given = form.get(key.option, "").strip()
            if given:
                table[key.option] = given
            elif not key.is_secret and key.option in form and key.option not in variant.options:
                table.pop(key.option, None)
        office = {"name": state.name, "country": state.country, "language": state.language}
        if parts.account is None:
            before = {**office, "time_zone": state.time_zone, "pbxs": [str(each) for each in parts.pbxs]}
        if isinstance(before.get("pbxs"), list) and "pbxs.shown" in form:
            kept = [each for each in before["pbxs"] if f"pbx.{each}" in form]
            before["pbxs"] = kept + [str(each) for each in parts.pbxs if f"pbx.{each}" in form and each not in kept]
        return {**before, "crm": kind, kind: table}

    async def widget(self, request: web.Request) -> web.Response:
        """The archive that is uploaded into the CRM."""
        opened = await self._frame.open(request)
        kind, _ = self._chosen(opened, {})
        try:
            found = self._frame.desk.widget(kind)
        except ConfigError as exc:
            s = setup_texts(language_of(request))
            return await self._page(request, opened, None, Wrong(page=[f"{s['no_widget']} {exc}"]))
        if found is None:
            raise web.HTTPNotFound
        name, archive = found
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
        return web.Response(body=archive, content_type="application/zip", headers=headers)


def _stored_secrets(opened: Opened, kind: str) -> set[str]:
    """The options of this kind that are stored as secrets."""
    name = f"account/{opened.parts.account} {kind}."
    return {each.removeprefix(name) for each in opened.parts.secrets if each.startswith(name)}


def _pbxs_of(opened: Opened) -> frozenset[str]:
    """Whose calls may belong to the account: of a new one all."""
    used = opened.parts.account_document.get("pbxs")
    return frozenset(map(str, used if isinstance(used, list) else opened.parts.pbxs))
