"""The page that shows how a call from a number to a line would be routed, and why."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from integration.domain.access import Permission
from integration.domain.numbers.phone import bare_digits
from integration.domain.routing.route import RouteDecision, RouteQuestion, Step
from integration.services.accounts import Account
from integration.texts.pages import texts
from integration.web.language import language_of
from integration.web.pages.shell import Shell
from integration.web.pages.view import LONGEST_SEARCH, sentences
from integration.web.permissions import needs

_MOST_LINES = 200  # offered for the field

Ask = Callable[[Account, RouteQuestion, str], Awaitable[RouteDecision]]
"""Decides the route without a call, for a PBX of the account; another name is the main one's."""


class WhatIfPages:
    def __init__(self, shell: Shell, ask: Ask) -> None:
        self._shell = shell
        self._ask = ask

    def routes(self) -> list[web.AbstractRouteDef]:
        return [*needs(Permission.SEE_OFFICE, web.get("/admin/{account}/route", self.what_if))]

    async def what_if(self, request: web.Request) -> web.Response:
        account = self._shell.account(request)
        lang = language_of(request)
        number, line = request.query.get("number", "")[:LONGEST_SEARCH], request.query.get("line", "")[:64]
        pbx, is_hidden = request.query.get("pbx", ""), bool(request.query.get("hidden"))
        t = texts(lang)
        errors: dict[str, str] = {}
        if request.query.keys() & {"number", "line", "pbx", "hidden"}:
            errors = _errors(account, number, line, t, is_hidden=is_hidden)
            question = None if errors else RouteQuestion(did=line.strip(), caller="" if is_hidden else number)
        else:
            question = None
        decision = await self._ask(account, question, pbx) if question else None
        return await self._shell.page(
            request,
            "route.html",
            account=account,
            section="what_if",
            number=number,
            line=line,
            lines=list(account.settings.lines)[:_MOST_LINES],
            pbx=pbx,
            is_hidden=is_hidden,
            errors=errors,
            decision=decision,
            steps=[_step_text(step, t) for step in decision.steps] if decision else [],
            reasons=sentences(account, decision.reasons, lang) if decision else [],
        )


def _errors(account: Account, number: str, line: str, t: Mapping[str, str], *, is_hidden: bool) -> dict[str, str]:
    """What cannot be asked, by field: a call without a number has to be meant, and a line is digits."""
    errors = {}
    if not is_hidden and not any(c.isdigit() for c in number):
        errors["number"] = t["number_needed"]
    if line.strip() and bare_digits(line, account.settings.numbering) is None:
        errors["line"] = t["line_needed"]
    return errors


def _step_text(step: Step, t: Mapping[str, str]) -> str:
    return t[f"step_{step.kind}"].format(target=step.target or "", seconds=step.seconds or "")
