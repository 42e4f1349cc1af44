"""`dozvon migrate`: bring the database up to date and say so; safe to run again."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from integration import config
from integration.storage import open_storage


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE", help="dozvon.toml")


def run(arguments: argparse.Namespace) -> int:
    settings = config.load(arguments.config)

    async def migrate() -> None:
        storage = await open_storage(settings.database_url, settings.data_dir)
        await storage.close()

    asyncio.run(migrate())
    print("The database is up to date.")
    return 0
