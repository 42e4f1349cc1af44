"""The page that shows how a call from a number to a line would be routed, and why."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from integration.domain.access import Permission
from integration.domain.routing.route import RouteDecision, RouteQuestion, Step
from integration.services.accounts import Account
from integration.texts.pages import texts
from integration.web.language import language_of
from integration.web.pages.shell import Shell
from integration.web.pages.view import LONGEST_SEARCH, sentences
from integration.web.permissions import needs

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
        pbx = request.query.get("pbx", "")
        question = RouteQuestion(did=line, caller=number)
        decision = await self._ask(account, question, pbx) if number or line else None
        t = texts(lang)
        return await self._shell.page(
            request,
            "route.html",
            account=account,
            section="what_if",
            number=number,
            line=line,
            pbx=pbx,
            decision=decision,
            steps=[_step_text(step, t) for step in decision.steps] if decision else [],
            reasons=sentences(account, decision.reasons, lang) if decision else [],
        )


def _step_text(step: Step, t: dict[str, str]) -> str:
    return t[f"step_{step.kind}"].format(target=step.target or "", seconds=step.seconds or "")
