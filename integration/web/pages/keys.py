"""API keys of an office: its page, and what the wizard's screen of keys shares with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from integration.domain.access import Permission
from integration.domain.api_keys import ApiKeyId, KeyAccess, KeyRefusal
from integration.domain.ids import AccountId
from integration.ports.administrators import FoundKey
from integration.services.administrators import NotUsable
from integration.services.api_keys import MOST_KEYS, ApiKeys, MadeKey, NotTheirs, TooManyKeys, may_manage
from integration.texts.pages import texts
from integration.web.forms import read_form
from integration.web.language import language_of
from integration.web.pages.shell import Shell
from integration.web.pages.trouble_texts import by_field
from integration.web.permissions import needs

KEY_IN_PATH = "{key:[0-9a-f]{32}}"
_DAYS: Mapping[str, int | None] = {"30": 30, "90": 90, "365": 365, "none": None}
_USUAL_DAYS = "90"
_ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    id: str
    name: str
    hint: str
    access: str
    is_of_all: bool
    made: str
    made_by: str
    used: str
    address: str
    state: str
    tone: str
    may_be_revoked: bool


class KeySection:
    """Lists, makes and revokes the keys of one office; pages bring their frame."""

    def __init__(self, shell: Shell, keys: ApiKeys) -> None:
        self._shell = shell
        self._keys = keys

    async def values(
        self,
        request: web.Request,
        office: AccountId,
        *,
        typed: Mapping[str, str] | None = None,
        wrong: Mapping[str, str] | None = None,
        made: MadeKey | None = None,
    ) -> dict[str, Any]:
        """What the template's part `keys_part.html` needs."""
        viewer, t = self._shell.viewer(request), texts(language_of(request))
        accesses = [(each.value, t[f"key_access_{each}"], t[f"key_access_{each}_hint"]) for each in KeyAccess]
        return {
            "key_rows": [self._row(request, each) for each in await self._keys.shown(viewer, office)],
            "key_made": made,
            "keys_origin": str(request.url.origin()),
            "key_typed": typed or {},
            "key_wrong": wrong or {},
            "key_accesses": accesses,
            "key_days": [(each, t[f"key_days_{each}"]) for each in _DAYS],
            "key_usual_days": _USUAL_DAYS,
            "key_offices": [("", t["key_this_office"]), (_ALL, t["key_all_offices"])]
            if may_manage(viewer, None)
            else [],
        }

    async def make(self, request: web.Request, office: AccountId, form: Mapping[str, str]) -> dict[str, Any]:
        """Make the key of this form. Returns as `values`, with the key or with what is wrong."""
        lang = language_of(request)
        days, access = form.get("days", _USUAL_DAYS), form.get("access", KeyAccess.READ.value)
        if days not in _DAYS or access not in set(KeyAccess) or form.get("office", "") not in ("", _ALL):
            raise web.HTTPBadRequest
        wrong: dict[str, str] = {}
        try:
            made = await self._keys.make(
                self._shell.viewer(request),
                name=form.get("name", ""),
                office=None if form.get("office") == _ALL else office,
                access=KeyAccess(access),
                days=_DAYS[days],
            )
        except NotTheirs:
            raise web.HTTPForbidden(reason="This administrator may not do this.") from None
        except NotUsable as exc:
            wrong = by_field(exc.troubles, lang)
        except TooManyKeys:
            wrong = {"": texts(lang)["key_too_many"].format(most=MOST_KEYS)}
        else:
            return await self.values(request, office, made=made)
        return await self.values(request, office, typed=form, wrong=wrong)

    async def revoke(self, request: web.Request, office: AccountId, back: str) -> web.StreamResponse:
        """Of a form without `confirmed` the answer is the question. Raises: HTTPSeeOther to `back`, with a message."""
        key, form = ApiKeyId(request.match_info["key"]), await read_form(request)
        viewer = self._shell.viewer(request)
        if not form.get("confirmed"):
            shown = await self._keys.shown(viewer, office)
            names = [each.key.name for each in shown if each.key.id == key and each.key.revoked_at is None]
            if not names:
                raise await self._shell.told(request, back, "key_already_gone")
            t = texts(language_of(request))
            return await self._shell.page(
                request,
                "confirm.html",
                title=t["key_revoke_question"].format(name=names[0]),
                consequences=[t["key_revoke_consequence"]],
                confirm=t["revoke"],
                action=request.path,
                fields={},
                cancel_href=back,
                here=back,
            )
        done = await self._keys.revoke(viewer, office, key)
        raise await self._shell.told(request, back, "key_revoked" if done else "key_already_gone")

    def _row(self, request: web.Request, found: FoundKey) -> KeyRow:
        key, t = found.key, texts(language_of(request))
        problem = self._keys.refusal(found)
        until = "" if key.until is None else self._shell.moment(request, key.until)
        if problem is None:
            state = t["key_works_until" if until else "key_works"].format(until=until)
        else:
            by = "_by" if problem is KeyRefusal.REVOKED and key.revoked_by else ""
            when = "" if key.revoked_at is None else self._shell.moment(request, key.revoked_at)
            state = t[f"key_state_{problem}{by}"].format(until=until, when=when, name=key.revoked_by)
        return KeyRow(
            id=key.id,
            name=key.name,
            hint=f"{key.hint}…",
            access=t[f"key_access_{key.access}"],
            is_of_all=key.office is None,
            made=self._shell.moment(request, key.created_at),
            made_by=key.made_by or t["key_by_file"],
            used="" if key.used_at is None else self._shell.moment(request, key.used_at),
            address=key.address,
            state=state,
            tone="ok" if problem is None else "soft",
            may_be_revoked=key.revoked_at is None,
        )


class KeyPages:
    """`office_of`: the office of an account."""

    def __init__(self, shell: Shell, section: KeySection, office_of: Callable[[AccountId], AccountId]) -> None:
        self._shell = shell
        self._section = section
        self._office_of = office_of

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            *needs(
                Permission.MANAGE_KEYS,
                web.get("/admin/{account}/keys", self.show),
                web.post("/admin/{account}/keys", self.make),
                web.post("/admin/{account}/keys/" + KEY_IN_PATH + "/revoke", self.revoke),
            )
        ]

    async def show(self, request: web.Request) -> web.StreamResponse:
        return await self._page(request, await self._section.values(request, self._office(request)))

    async def make(self, request: web.Request) -> web.StreamResponse:
        office, form = self._office(request), await read_form(request)
        return await self._page(request, await self._section.make(request, office, form))

    async def revoke(self, request: web.Request) -> web.StreamResponse:
        account = self._shell.account(request)
        return await self._section.revoke(request, self._office(request), f"/admin/{account.id}/keys")

    def _office(self, request: web.Request) -> AccountId:
        return self._office_of(self._shell.account(request).id)

    async def _page(self, request: web.Request, values: dict[str, Any]) -> web.Response:
        account = self._shell.account(request)
        url = f"/admin/{account.id}/keys"
        return await self._shell.page(request, "keys.html", account=account, section="api_keys", keys_url=url, **values)
