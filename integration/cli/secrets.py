"""`dozvon secrets check|rotate|forget`: reads every stored secret, changes the key, or drops secrets of a lost key."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from integration import logs
from integration.process import config
from integration.process.place import place_of
from integration.storage.place import Place
from integration.storage.secrets.sealing import Checked, Rotated, check, forget, rotate
from integration.storage.sql.database import open_database


def add_arguments(parser: argparse.ArgumentParser) -> None:
    what = "check: read every secret; rotate: encrypt all with a new key; forget: drop those whose key is lost"
    parser.add_argument("what", choices=["check", "rotate", "forget"], help=what)
    parser.add_argument("--config", type=Path, metavar="FILE", help="dozvon.toml")


def run(arguments: argparse.Namespace) -> int:
    settings = config.load(arguments.config)
    logs.set_up("warning", readable=True)
    place = place_of(settings)
    return {"check": _check, "rotate": _rotate, "forget": _forget}[arguments.what](place)


def _check(place: Place) -> int:
    """Returns the exit status: 1 if something is wrong."""
    found = asyncio.run(_checked(place))
    print(f"Keys: {found.place}. The database is encrypted with key {found.current or '(none yet)'}.")
    for key_id, count in sorted(found.by_key.items()):
        print(f"  {count} secrets with key {key_id}" if key_id else f"  {count} secrets in plain")
    problems = list(found.problems)
    if found.is_open_to_others:
        problems.append(f"Others may read {found.place}: chmod 600 {found.place}")
    for problem in problems:
        print(f"WRONG: {problem}")
    if not problems:
        print("Every secret can be read.")
    return 1 if problems else 0


def _rotate(place: Place) -> int:
    done = asyncio.run(_rotated(place))
    print(f"{done.secrets} secrets are encrypted with key {done.after} now; key {done.before} is not used any more.")
    if place.keys.text is None:
        print(f"{place.keys.file} holds the new key: back it up. Older backups need the old key.")
    else:
        print("Remove the old key from DOZVON_KEY, for every process. Older backups need it.")
    return 0


def _forget(place: Place) -> int:
    count = asyncio.run(_forgotten(place))
    print(f"{count} secrets that no key here opens were dropped.")
    if count:
        print("Start Dozvon and connect those accounts to their CRM again.")
    return 0


async def _forgotten(place: Place) -> int:
    database = await open_database(place.url)
    try:
        return await forget(database, place.keys)
    finally:
        await database.close()


async def _checked(place: Place) -> Checked:
    database = await open_database(place.url)
    try:
        return await check(database, place.keys)
    finally:
        await database.close()


async def _rotated(place: Place) -> Rotated:
    database = await open_database(place.url)
    try:
        return await rotate(database, place.keys)
    finally:
        await database.close()
