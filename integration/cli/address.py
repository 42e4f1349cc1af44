"""`dozvon address`: the public address. Shows it, stores one after it was tried, or forgets the stored one."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

import aiohttp

from integration import logs
from integration.clock import SystemClock
from integration.ports.findings import FindingLevel
from integration.process import config
from integration.process.address_check import examine_address
from integration.process.place import opened_storage
from integration.process.setup_address import administrators_of, setup_address, setup_text
from integration.services.passwords import PasswordDesk
from integration.storage import Storage
from integration.texts.setup import setup_texts
from integration.web.setup.address import normal_url

_MARKS = {FindingLevel.OK: "ok", FindingLevel.WARNING: "warning", FindingLevel.ERROR: "ERROR"}
_EXIT_TROUBLE = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--set", metavar="URL", help="try https://NAME as a browser would, then store it; Dozvon has to run"
    )
    what.add_argument("--forget", action="store_true", help="go back to the address of the configuration")
    parser.add_argument("--anyway", action="store_true", help="with --set: store it although something is wrong")
    parser.add_argument("--config", type=Path, metavar="FILE", help="dozvon.toml")


def run(arguments: argparse.Namespace) -> int:
    logs.set_up("error", readable=True)
    settings = config.load(arguments.config)
    return asyncio.run(_run(settings, wanted=arguments.set, forget=arguments.forget, anyway=arguments.anyway))


async def _run(settings: config.Config, *, wanted: str | None, forget: bool, anyway: bool) -> int:
    async with opened_storage(settings) as storage:
        if wanted is not None:
            return await _set(settings, storage, wanted, anyway=anyway)
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


async def _set(settings: config.Config, storage: Storage, wanted: str, *, anyway: bool) -> int:
    url = normal_url(wanted)
    if url is None:
        print(f"dozvon: {setup_texts('en')['wrong_url']}", file=sys.stderr)
        return 2
    if settings.has_public_url:
        place = f"{settings.file}, server.public_url" if settings.file else "DOZVON_PUBLIC_URL"
        print(f"dozvon: the address is {settings.public_url} ({place}) and is changed there", file=sys.stderr)
        return 2
    print(f"Trying {url} … the first certificate can take a minute.")
    async with aiohttp.ClientSession() as session:
        lights = await examine_address(url, session, storage.installation)
    for light in lights:
        remedy = f" {light.remedy}" if light.remedy else ""
        print(f"  {_MARKS[light.level]:8}{light.about.say('en')}: {light.message}{remedy}")
    if any(light.level is FindingLevel.ERROR for light in lights) and not anyway:
        print(
            "Nothing is stored. Mend that and run this again, or add --anyway where only this server cannot reach it."
        )
        return _EXIT_TROUBLE
    await storage.installation.set_public_url(url)
    print(f"Stored: {url}. Dozvon answers there in a few seconds.")
    await _say_where_to_begin(settings, storage)
    return 0


async def _say_where_to_begin(settings: config.Config, storage: Storage) -> None:
    """While nobody can sign in: the address with a code, which replaces the one that the running process printed."""
    administrators = administrators_of(storage, SystemClock(), PasswordDesk())
    if settings.admin_password is None and not await administrators.store.have_any():
        stored = config.at_address(settings, await storage.installation.public_url())
        print(setup_text(setup_address(stored, await administrators.issue_setup_code(holder=""))))
