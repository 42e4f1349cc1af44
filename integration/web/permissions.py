"""What each route needs: a permission, or a reason why everybody may ask it. Sections declare it beside their routes.

`AdminSessions.guard` enforces it. A route that declares nothing is refused: a forgotten one is closed, not open.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from aiohttp import web

from integration.domain.access import Permission


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """
    Attributes:
        permission: None: everybody may ask.
        why: why everybody may.
        is_own_form: what is sent must come from one of our pages.
        is_checked_there: the handler asks `allows` itself, because it answers in another form.
        is_upload: it takes a file, which may take minutes to arrive.
    """

    permission: Permission | None = None
    why: str = ""
    is_own_form: bool = True
    is_checked_there: bool = False
    is_upload: bool = False


_needs: WeakKeyDictionary[web.AbstractRoute, Need] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Declared(web.AbstractRouteDef):
    """A route with what it needs."""

    route: web.AbstractRouteDef
    need: Need

    def register(self, router: web.UrlDispatcher) -> list[web.AbstractRoute]:
        made = self.route.register(router)
        for each in made:
            _needs[each] = self.need
            # aiohttp adds HEAD beside GET, with the same handler.
            siblings: Iterable[web.AbstractRoute] = each.resource or ()
            for sibling in siblings:
                if sibling.handler == each.handler and sibling.method == "HEAD":
                    _needs[sibling] = self.need
        return made


def needs(
    permission: Permission, *routes: web.AbstractRouteDef, is_checked_there: bool = False, is_upload: bool = False
) -> list[Declared]:
    """Only who is signed in and has the permission may ask these routes, for the office in their address."""
    need = Need(permission=permission, is_checked_there=is_checked_there, is_upload=is_upload)
    return [Declared(route, need) for route in routes]


def open_form(why: str, *routes: web.AbstractRouteDef) -> list[Declared]:
    """Everybody may ask these pages; what is sent comes from one of our pages, or from no browser."""
    return [Declared(route, Need(why=why)) for route in routes]


def for_everybody(why: str, routes: Iterable[web.AbstractRouteDef]) -> list[Declared]:
    """Everybody may ask these routes, which check what they are sent."""
    return [Declared(route, Need(why=why, is_own_form=False)) for route in routes]


def need_of(route: web.AbstractRoute) -> Need | None:
    """None: nothing was declared."""
    return _needs.get(route)
