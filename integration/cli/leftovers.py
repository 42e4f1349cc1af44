"""`dozvon leftovers`: accounts that no configuration has any more, with what waits for them; `--delete ACCOUNT`."""

from __future__ import annotations

import argparse
import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path

from integration import logs
from integration.domain.ids import AccountId
from integration.errors import ConfigError
from integration.ports.leftovers import Leftover
from integration.process import config
from integration.process.offices import Offices
from integration.process.place import opened_storage
from integration.storage import Storage


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--delete", metavar="ACCOUNT", help="delete the deliveries of this account; its calls stay")
    parser.add_argument("--yes", action="store_true", help="do not ask before deleting")
    parser.add_argument("--config", type=Path, metavar="FILE", help="dozvon.toml")


def run(arguments: argparse.Namespace) -> int:
    logs.set_up("error", readable=True)
    settings = config.load(arguments.config)
    if arguments.delete is None:
        return asyncio.run(_show(settings))
    return asyncio.run(_delete(settings, AccountId(arguments.delete), is_sure=arguments.yes))


async def _show(settings: config.Config) -> int:
    async with opened_storage(settings) as storage:
        left = await _left(settings, storage)
    for each in left:
        print(_said(each))
    if not left:
        print("nothing is left of accounts that were removed")
    elif any(each.waiting or each.dead for each in left):
        print("They go on when the account is back. To delete them: dozvon leftovers --delete ACCOUNT")
    return 0


async def _delete(settings: config.Config, account: AccountId, *, is_sure: bool) -> int:
    async with opened_storage(settings) as storage:
        if account in await Offices(storage.offices, storage.settings).accounts(settings):
            raise ConfigError(f"the account {account} is not removed: nothing was deleted")
        found = next((each for each in await _left(settings, storage) if each.account == account), None)
        if found is None or not (found.waiting or found.dead):
            print(f"no deliveries are left of an account {account}")
            return 1
        print(_said(found))
        if not is_sure and not await asyncio.to_thread(_is_confirmed, account):
            print("nothing was deleted")
            return 1
        count = await storage.leftovers.delete_deliveries(account)
    print(f"deleted {count} deliveries; the calls stay")
    return 0


async def _left(settings: config.Config, storage: Storage) -> list[Leftover]:
    known = await Offices(storage.offices, storage.settings).accounts(settings)
    return await storage.leftovers.found(besides=known)


def _said(left: Leftover) -> str:
    last = ""
    if left.last_call_at is not None:
        at = datetime.fromtimestamp(left.last_call_at, UTC).astimezone()
        last = f", the last one began {at.isoformat(timespec='seconds')}"
    return f"{left.account}: {left.waiting} deliveries wait, {left.dead} were given up; {left.calls} calls{last}"


def _is_confirmed(account: AccountId) -> bool:
    """Raises: ConfigError, where nobody can answer."""
    print("These calls will never be written into the CRM, also when the account comes back.")
    if not sys.stdin.isatty():
        raise ConfigError("nobody can be asked here: nothing was deleted. To delete without a question: --yes")
    return input(f"To delete them, write the account's name ({account}): ").strip() == account
