"""The wizard's screen about the CRM: addresses to copy, keys, consent, what was checked, and the widget."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from aiohttp import web

from integration.domain.access import Permission
from integration.domain.connections.state import ConnectionStatus
from integration.domain.ids import AccountId
from integration.domain.setup import Step
from integration.errors import ConfigError, DozvonError
from integration.ports.crm_setup import CrmVariant
from integration.texts.setup import setup_texts
from integration.web.forms import read_form
from integration.web.language import language_of, with_language
from integration.web.permissions import needs
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
        held_consents: those that wait for an administrator's word.
        has_spoken: whether a manager of the account has a page with the widget open.
    """

    def __init__(
        self,
        frame: Frame,
        *,
        held_consents: Callable[[AccountId], Sequence[HeldConsent]],
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
        )

    async def show(self, request: web.Request) -> web.Response:
        return await self._page(request, await self._frame.open(request))

    async def _page(
        self, request: web.Request, opened: Opened, form: Mapping[str, str] | None = None, wrong: Wrong | None = None
    ) -> web.Response:
        lang, desk = language_of(request), self._frame.desk
        kind, variant = self._chosen(opened, form or request.query)
        setup, account = desk.crms[kind], opened.parts.account
        table: Mapping[str, Any] = opened.parts.account_document.get(kind, {})
        facts = await desk.facts(opened.state, opened.parts)
        name = f"account/{account} {kind}"
        stored = {each.option for each in setup.keys if f"{name}.{each.option}" in opened.parts.secrets}
        redirect, disconnect = desk.addresses(kind, account or AccountId(str(opened.office)))
        findings = []
        if account is not None and request.query.get("check") and (connector := await desk.connector(account)):
            findings = await connector.check()
        return await self._frame.page(
            request,
            opened,
            Step.CRM,
            values={each.option: str(table.get(each.option, "")) for each in (*setup.keys, *setup.advanced)}
            | dict(form or {}),
            wrong=wrong,
            crm_account=account,
            kind=kind,
            variant=variant,
            variants=[(each.key, each.label, "") for own in desk.crms.values() for each in own.variants],
            instructions=[each.text(lang) for each in setup.steps],
            redirect=redirect,
            disconnect=disconnect,
            keys=[(each, each.label.text(lang), each.option in stored) for each in setup.keys],
            advanced=[(each, each.label.text(lang)) for each in setup.advanced],
            state=facts.crm,
            is_ready=facts.crm is not None and facts.crm.status is ConnectionStatus.READY,
            held=self._held_consents(account) if account is not None else (),
            after_widget=setup.after_widget.text(lang) if setup.after_widget is not None else "",
            has_spoken=account is not None and await self._has_spoken(account),
            findings=shown_findings(findings, lang),
            advanced_open=wrong is not None and any(each.option in wrong.fields for each in setup.advanced),
            is_checked=bool(request.query.get("check")),
        )

    def _chosen(self, opened: Opened, form: Mapping[str, str]) -> tuple[str, CrmVariant]:
        """The kind and the variant: of the form, else of what is stored, else the first one."""
        crms = self._frame.desk.crms
        every = {each.key: (kind, each) for kind, setup in crms.items() for each in setup.variants}
        if form.get("variant") in every:
            return every[form["variant"]]
        kind = str(opened.parts.account_document.get("crm") or next(iter(crms)))
        if kind not in crms:
            kind = next(iter(crms))
        table: Mapping[str, Any] = opened.parts.account_document.get(kind, {})
        fits = [each for each in crms[kind].variants if all(table.get(k) == v for k, v in each.options.items())]
        return kind, max(fits, key=lambda each: len(each.options)) if fits else crms[kind].variants[0]

    async def save(self, request: web.Request) -> web.StreamResponse:
        opened, form = await self._frame.open(request), await read_form(request)
        if form.get("do") == "done":
            raise await self._frame.finish(request, opened.office, Step.CRM)
        if opened.parts.pbx is None and opened.parts.account is None:
            raise web.HTTPSeeOther(with_language(request, path_of(opened.office, Step.PBX)))
        kind, variant = self._chosen(opened, form)
        account = opened.parts.account or AccountId(str(opened.office))
        names = {f"{kind}.{key.option}": key.option for key in self._keys(kind)}
        try:
            await self._frame.desk.put(
                opened.office,
                f"account/{account}",
                self._document(opened, kind, variant, form),
                seen=seen_of(form, opened),
                who=self._frame.shell.who(request),
            )
        except DozvonError as exc:
            return await self._page(request, opened, form, self._frame.refused(request, exc, names))
        await self._frame.desk.store.keep(opened.office, Step.CRM, None)
        await self._frame.desk.connector(account)  # it starts at once: the next page has its button
        raise web.HTTPSeeOther(with_language(request, path_of(opened.office, Step.CRM)))

    def _keys(self, kind: str) -> list[Any]:
        setup = self._frame.desk.crms[kind]
        return [*setup.keys, *setup.advanced]

    def _document(self, opened: Opened, kind: str, variant: CrmVariant, form: Mapping[str, str]) -> dict[str, Any]:
        """The account with what was entered. A secret that was left empty stays as it is."""
        state, parts = opened.state, opened.parts
        before = dict(parts.account_document)
        table: dict[str, Any] = {**before.pop(kind, {}), **variant.options}
        for key in self._keys(kind):
            given = form.get(key.option, "").strip()
            if given:
                table[key.option] = given
            elif not key.is_secret and key.option in form and key.option not in variant.options:
                table.pop(key.option, None)
        office = {"name": state.name, "country": state.country, "language": state.language}
        if parts.account is None:
            before = {**office, "time_zone": state.time_zone, "pbxs": [parts.pbx]}
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
