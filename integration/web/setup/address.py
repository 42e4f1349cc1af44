"""The wizard's screen about Dozvon's own address: how it is reached, what was found out, and a ready proxy for it."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from aiohttp import web

from integration.domain.access import Permission
from integration.domain.setup import Step
from integration.errors import Unavailable
from integration.ports.findings import Finding, FindingLevel
from integration.texts.setup import setup_texts
from integration.web.forms import read_form
from integration.web.language import language_of, with_language
from integration.web.permissions import for_everybody, needs
from integration.web.setup.frame import Frame, Opened, Wrong, path_of
from integration.web.setup.proxies import caddy_block, nginx_block, own_proxy
from integration.web.setup.shown import shown_findings

_LONGEST = 253 + len("https://") + len(":65535")


class AddressScreen:
    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            *for_everybody(
                "it repeats a ticket of ours, once", [web.get("/reach/{ticket:[A-Za-z0-9_-]{20,100}}", self.reached)]
            ),
            *needs(
                Permission.CHANGE_INSTALLATION,
                web.get("/admin/setup/{office}/address", self.show),
                web.post("/admin/setup/{office}/address", self.save),
            ),
        ]

    async def reached(self, request: web.Request) -> web.Response:
        """Repeats a ticket that this installation has issued to itself, once: so it knows who answers at an address."""
        ticket = request.match_info["ticket"]
        if not await self._frame.desk.take_ticket(ticket):
            raise web.HTTPNotFound
        return web.Response(text=ticket)

    async def show(self, request: web.Request) -> web.Response:
        opened, desk = await self._frame.open(request), self._frame.desk
        lights = await desk.examine_address(desk.public_url) if request.query.get("check") else []
        return await self._page(request, opened, lights=lights)

    async def _page(
        self,
        request: web.Request,
        opened: Opened,
        form: Mapping[str, str] | None = None,
        wrong: Wrong | None = None,
        *,
        lights: Sequence[Finding] = (),
    ) -> web.Response:
        desk = self._frame.desk
        typed = (form or {}).get("public_url", "") or (desk.public_url if desk.has_public_url else "")
        host = urlsplit(normal_url(typed) or "").hostname or "calls.example.com"
        return await self._frame.page(
            request,
            opened,
            Step.ADDRESS,
            values={"public_url": typed},
            wrong=wrong,
            is_in_file=desk.is_url_in_file,
            now=desk.public_url,
            lights=shown_findings(lights, language_of(request)),
            is_checked=bool(lights),
            may_insist=any(each.level is FindingLevel.ERROR for each in lights) and form is not None,
            own_proxy=own_proxy(desk.installed_as, host),
            caddy=caddy_block(host, desk.listens),
            nginx=nginx_block(host, desk.listens),
        )

    async def save(self, request: web.Request) -> web.StreamResponse:
        opened, form = await self._frame.open(request), await read_form(request)
        desk, s = self._frame.desk, setup_texts(language_of(request))
        if form.get("do") == "skip" or desk.is_url_in_file:
            raise await self._frame.finish(request, opened.office, Step.ADDRESS)
        url = normal_url(form.get("public_url", ""))
        if url is None:
            return await self._page(request, opened, form, Wrong(fields={"public_url": s["wrong_url"]}))
        lights = await desk.examine_address(url)
        if any(each.level is FindingLevel.ERROR for each in lights) and form.get("insist") != "yes":
            return await self._page(request, opened, form, Wrong(fields={"public_url": s["url_fails"]}), lights=lights)
        try:
            await desk.set_public_url(url)
        except Unavailable as exc:
            return await self._page(request, opened, form, Wrong(page=[str(exc)]), lights=lights)
        await self._frame.finish(request, opened.office, Step.ADDRESS)
        path = path_of(opened.office, Step.ADDRESS)
        if url == str(request.url.origin()):
            raise web.HTTPSeeOther(with_language(request, path))
        # A redirect to another name is forbidden by our own policy for forms, and it answers only in a moment.
        return await self._frame.shell.page(request, "setup/moved.html", s=s, section="setup", url=url, path=path)


def normal_url(text: str) -> str | None:
    """`https://host[:port]` of what was typed, without a path; None: it is none. Never raises."""
    text = text.strip()
    text = text.removesuffix("/") if not text.endswith("//") else text
    if not text or len(text) > _LONGEST:
        return None
    try:
        url = urlsplit(text if "://" in text else f"https://{text}")
        port = url.port
        host = (url.hostname or "").encode("idna").decode("ascii")
    except (ValueError, UnicodeError):
        return None
    if not host or url.path or url.query or url.fragment or url.username or url.scheme not in ("http", "https"):
        return None
    if any(not part or not part.replace("-", "").isalnum() for part in host.split(".")) and not _is_ip(host):
        return None
    shown_host = f"[{host}]" if ":" in host else host
    return f"{url.scheme}://{shown_host}" + (f":{port}" if port else "")


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
