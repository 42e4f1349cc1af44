"""`dozvon route`: shows how a call from this number to this line would be routed, without any call (spec B14)."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from integration import logs
from integration.clock import SystemClock
from integration.domain.ids import AccountId, PbxId
from integration.domain.routing.route import RouteDecision, RouteQuestion, StepKind
from integration.errors import ConfigError
from integration.process import config
from integration.process.place import place_of
from integration.services.routing import Routing
from integration.storage import open_storage
from integration.texts import LANGUAGES
from integration.texts.reasons import sentence

_STEPS = {
    StepKind.NOTICE: "play {sound}",
    StepKind.RING: "ring {target} for {seconds} s",
    StepKind.MOBILE: "ring {target} for {seconds} s through the outside line",
    StepKind.GROUP: "hand the call to group {target}",
    StepKind.VOICEMAIL: "voicemail of {target}",
    StepKind.CONTINUE: "the PBX's own route goes on",
    StepKind.RESERVE: "the reserve number",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--number", required=True, help="the caller's number, in any form; empty for a hidden one")
    parser.add_argument("--line", default="", help="the line that is called, as the PBX shows it")
    parser.add_argument("--account", help="required if there are several")
    parser.add_argument("--language", choices=LANGUAGES, default="en", help="language of the reasons")
    parser.add_argument("--json", action="store_true", help="print the decision as JSON")
    parser.add_argument("--config", type=Path, metavar="FILE", help="dozvon.toml")


def run(arguments: argparse.Namespace) -> int:
    logs.set_up("error", readable=True)
    decision = asyncio.run(_decide(arguments))
    if arguments.json:
        print(json.dumps(asdict(decision), ensure_ascii=False, indent=2))
    else:
        print(render(decision, arguments.language))
    return 0


def render(decision: RouteDecision, language: str, names: Mapping[str, str] | None = None) -> str:
    """The decision as lines: every reason, an empty line, every step."""
    reasons = [sentence(reason, language, names=names) for reason in decision.reasons]
    steps = [f"{n}. {_STEPS[step.kind].format(**asdict(step))}" for n, step in enumerate(decision.steps, start=1)]
    return "\n".join([*reasons, "", *steps])


async def _decide(arguments: argparse.Namespace) -> RouteDecision:
    settings = config.load(arguments.config)
    storage = await open_storage(settings.database_url, settings.data_dir, keys=place_of(settings).keys)
    try:
        accounts = await storage.settings.accounts()
        wanted = AccountId(arguments.account) if arguments.account else accounts[0] if len(accounts) == 1 else None
        if not accounts:
            raise ConfigError("no account is stored yet: start `dozvon run` once; it stores the accounts of the file")
        if wanted not in accounts:
            raise ConfigError(f"--account: write one of {', '.join(accounts)}")
        account = await storage.settings.load(wanted)
        routing = Routing(
            account=wanted,
            pbx=PbxId("none"),  # nothing is stored
            settings=lambda: account,
            book=storage.phone_book,
            routes=storage.routes,
            clock=SystemClock(),
        )
        return await routing.consider(RouteQuestion(did=arguments.line, caller=arguments.number))
    finally:
        await storage.close()
