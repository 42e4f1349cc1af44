"""`dozvon history OFFICE`: who changed what in an office of the database; `--undo REVISION` takes a change back."""

from __future__ import annotations

import argparse
import asyncio
from datetime import UTC, datetime
from pathlib import Path

from integration import logs
from integration.cli.author import typed
from integration.documents.differences import differences
from integration.domain.access import Permission
from integration.domain.ids import AccountId
from integration.ports.offices import OfficeChange
from integration.process import config
from integration.process.office_edits import OfficeEdits
from integration.process.place import opened_storage


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("office", metavar="OFFICE", help="its id")
    parser.add_argument("--undo", type=int, metavar="REVISION", help="take the change that made this revision back")
    parser.add_argument("--config", type=Path, metavar="FILE", help="dozvon.toml")


def run(arguments: argparse.Namespace) -> int:
    logs.set_up("error", readable=True)
    return asyncio.run(_history(config.load(arguments.config), AccountId(arguments.office), arguments.undo))


async def _history(settings: config.Config, office: AccountId, undo: int | None) -> int:
    async with opened_storage(settings) as storage:
        if undo is not None:
            edits = OfficeEdits(storage.offices, storage.settings, lambda: settings, lambda: None)
            await edits.undo(office, undo, who=typed("history --undo"), allowed=frozenset(Permission))
            _print((await storage.offices.changes(office, limit=1))[0])
            return 0
        changes = await storage.offices.changes(office)
        for change in changes:
            _print(change)
        if not changes:
            print(f"nothing was ever changed in an office {office} of the database")
    return 0


def _print(change: OfficeChange) -> None:
    at = datetime.fromtimestamp(change.at, UTC).astimezone().isoformat(timespec="seconds")
    undoes = "" if change.undoes is None else f", takes back revision {change.undoes}"
    print(f"revision {change.revision}, {at}, {change.who}{undoes}")
    for part in sorted(change.after):
        print(f"  {part}")
        for difference in differences(change.before[part], change.after[part]):
            print(f"    {difference}")
    if not change.after:
        print("  only secrets")
