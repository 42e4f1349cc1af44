"""`dozvon remove OFFICE`: take an office out of the database; what is stored of its accounts stays."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from integration import logs
from integration.cli.apply import print_plan
from integration.domain.ids import AccountId
from integration.process import config
from integration.process.offices import Offices
from integration.process.place import opened_storage


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("office", metavar="OFFICE", help="its id")
    parser.add_argument("--config", type=Path, metavar="FILE", help="dozvon.toml")
    parser.add_argument("--dry-run", action="store_true", help="only say what would go (exit code 1: something)")


def run(arguments: argparse.Namespace) -> int:
    logs.set_up("error", readable=True)
    settings = config.load(arguments.config)
    return asyncio.run(_remove(settings, AccountId(arguments.office), is_dry=arguments.dry_run))


async def _remove(settings: config.Config, office: AccountId, *, is_dry: bool) -> int:
    async with opened_storage(settings) as storage:
        offices = Offices(storage.offices, storage.settings)
        plan = await offices.removal(office)
        print_plan(plan)
        if is_dry:
            return 1
        await offices.apply(plan)
    print("removed; a running Dozvon takes it within two seconds")
    print(f"its calls and waiting deliveries stay; dozvon history {office} --undo {plan.revision + 1} brings it back")
    return 0
