"""`dozvon apply FILE`: put accounts, PBXs and campaigns of a file into the database; a running Dozvon takes them."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tomllib
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from integration import logs
from integration.cli.author import typed
from integration.domain.ids import AccountId
from integration.errors import ConfigError, DozvonError
from integration.process import config
from integration.process.campaign_files import CampaignFiles, PlannedCampaign
from integration.process.offices import Offices, Plan
from integration.process.place import opened_storage

_Step = tuple[str, Callable[..., Awaitable[None]]]
"""What is changed, by its name."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file",
        type=Path,
        metavar="FILE",
        help="TOML with [[account]], [[pbx]] and [[campaign]]; dozvon.toml itself will do",
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="dozvon.toml")
    parser.add_argument(
        "--dry-run", action="store_true", help="only say what would be changed (exit code 1: something)"
    )
    parser.add_argument(
        "--remove", action="store_true", help="remove what an office of the file has and the file has not"
    )


def run(arguments: argparse.Namespace) -> int:
    logs.set_up("error", readable=True)
    return asyncio.run(_apply(config.load(arguments.config), _read(arguments.file), arguments))


def _read(file: Path) -> dict[str, Any]:
    """Raises: ConfigError."""
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{file}: cannot be read: {exc}") from exc
    except RecursionError as exc:
        raise ConfigError(f"{file}: tables and lists are nested too deeply") from exc
    except ValueError as exc:
        raise ConfigError(f"{file}: not valid TOML: {exc}") from exc


async def _apply(settings: config.Config, raw: dict[str, Any], arguments: argparse.Namespace) -> int:
    async with opened_storage(settings) as storage:
        offices = Offices(storage.offices, storage.settings)
        files = CampaignFiles(storage.campaigns, storage.settings)
        plans = await offices.plans(settings, raw, remove=arguments.remove)
        known = await offices.accounts(settings)
        new = {AccountId(each) for plan in plans for each in _accounts(plan)}
        campaigns = await files.plans(raw, known | new)
        if not plans and not campaigns:
            raise ConfigError(f"{arguments.file}: neither [[account]] nor [[pbx]] nor [[campaign]] is in it")
        for plan in plans:
            print_plan(plan)
        for planned in campaigns:
            print_campaign(planned)
        changed = [plan for plan in plans if not plan.is_empty]
        dialled = [each for each in campaigns if each.differences]
        if arguments.dry_run:
            return 1 if changed or dialled else 0
        steps: list[_Step] = [(plan.office, partial(offices.apply, plan)) for plan in changed]
        steps += [(each.name, partial(files.apply, each)) for each in dialled]
        if not await _done(steps):
            return 3
        for each in campaigns:
            for strange in await files.unknown(each.written):
                print(f"{each.name}: {each.written.account} has no {strange}; it takes no part until it is there")
        named = {each.id for each in settings.accounts} & new
        if named:
            print(f"the configuration file still names {', '.join(sorted(named))}, and wins: cut them out of it")
    return 0


async def _done(steps: Sequence[_Step]) -> bool:
    """One after the other. Returns False at the first that fails, and says what was done before."""
    for number, (name, step) in enumerate(steps):
        try:
            await step(who=typed("apply"))
        except DozvonError as exc:
            before = ", ".join(name for name, _ in steps[:number]) or "nothing"
            print(f"dozvon: {name}: {exc} (changed before: {before})", file=sys.stderr)
            return False
    if steps:
        print("changed; a running Dozvon takes it within two seconds")
    return True


def _accounts(plan: Plan) -> list[str]:
    return [part.removeprefix("account/") for part in plan.parts if part.startswith("account/")]


def print_plan(plan: Plan) -> None:
    """What it would change."""
    print(f"office {plan.office}, revision {plan.revision}: {'nothing to change' if plan.is_empty else ''}".rstrip())
    for part, differences in sorted(plan.differences.items()):
        print(f"  {part}{' (removed)' if plan.parts.get(part, {}) is None else ''}")
        for difference in differences:
            print(f"    {difference}")
    for part in plan.missing:
        print(f"  {part} is not in the file and stays; --remove removes it")


def print_campaign(planned: PlannedCampaign) -> None:
    """What it would change."""
    revision = f"revision {planned.revision}" if planned.revision else "new"
    print(f"{planned.name}, {revision}: {'' if planned.differences else 'nothing to change'}".rstrip())
    for difference in planned.differences:
        print(f"  {difference}")
