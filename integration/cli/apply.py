"""`dozvon apply FILE`: put the accounts and PBXs of a file into the database; a running Dozvon takes them."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tomllib
from pathlib import Path
from typing import Any

from integration import logs
from integration.cli.author import typed
from integration.errors import ConfigError, DozvonError
from integration.process import config
from integration.process.offices import Offices, Plan
from integration.process.place import opened_storage


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file", type=Path, metavar="FILE", help="TOML with [[account]] and [[pbx]]; dozvon.toml itself will do"
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
        plans = await offices.plans(settings, raw, remove=arguments.remove)
        if not plans:
            raise ConfigError(f"{arguments.file}: neither [[account]] nor [[pbx]] is in it")
        for plan in plans:
            print_plan(plan)
        changed = [plan for plan in plans if not plan.is_empty]
        if arguments.dry_run:
            return 1 if changed else 0
        for number, plan in enumerate(changed):
            try:
                await offices.apply(plan, who=typed("apply"))
            except DozvonError as exc:
                done = ", ".join(each.office for each in changed[:number]) or "nothing"
                print(f"dozvon: {plan.office}: {exc} (changed before: {done})", file=sys.stderr)
                return 3
        if changed:
            print("changed; a running Dozvon takes it within two seconds")
        named = {each.id for each in settings.accounts} & {each for plan in plans for each in _accounts(plan)}
        if named:
            print(f"the configuration file still names {', '.join(sorted(named))}, and wins: cut them out of it")
    return 0


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
