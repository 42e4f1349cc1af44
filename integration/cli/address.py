"""`dozvon address`: the address that was stored in the browser; `--forget` it, when nobody can sign in there."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from integration import logs
from integration.process import config
from integration.process.place import opened_storage


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--forget", action="store_true", help="go back to the address of the configuration")
    parser.add_argument("--config", type=Path, metavar="FILE", help="dozvon.toml")


def run(arguments: argparse.Namespace) -> int:
    logs.set_up("error", readable=True)
    return asyncio.run(_run(config.load(arguments.config), forget=arguments.forget))


async def _run(settings: config.Config, *, forget: bool) -> int:
    async with opened_storage(settings) as storage:
        stored = await storage.installation.public_url()
        if forget:
            await storage.installation.set_public_url("")
            print(f"forgotten: {stored or 'nothing was stored'}; running processes use {settings.public_url} at once")
            return 0
    if settings.has_public_url:
        print(f"{settings.public_url} (in the configuration; the pages cannot change it)")
    elif stored:
        print(f"{stored} (stored in the browser; dozvon address --forget takes it back)")
    else:
        print(f"{settings.public_url} (from server.listen; set the address in the browser, at Setup, Address)")
    return 0
