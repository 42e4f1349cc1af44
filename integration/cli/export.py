"""`dozvon export OFFICE`: an office of the database with its campaigns as a file that `dozvon apply` reads.

Without secrets, and without the lists of campaigns.
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

import tomli_w

from integration import logs
from integration.domain.ids import AccountId
from integration.errors import ConfigError
from integration.process import config
from integration.process.campaign_files import CampaignFiles
from integration.process.offices import Offices
from integration.process.place import opened_storage


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("office", metavar="OFFICE", help="its id")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write it there instead of printing it")
    parser.add_argument("--config", type=Path, metavar="FILE", help="dozvon.toml")


def run(arguments: argparse.Namespace) -> int:
    logs.set_up("error", readable=True)
    written = asyncio.run(_export(config.load(arguments.config), AccountId(arguments.office)))
    if arguments.output is None:
        print(written, end="")
        return 0
    try:
        arguments.output.write_text(written, "utf-8")
    except OSError as exc:
        raise ConfigError(f"{arguments.output} cannot be written: {exc.strerror}") from exc
    return 0


async def _export(settings: config.Config, office: AccountId) -> str:
    async with opened_storage(settings) as storage:
        document, secrets = await Offices(storage.offices, storage.settings).export(office)
        accounts = [AccountId(str(each["id"])) for each in document.get("account", ())]
        campaigns = await CampaignFiles(storage.campaigns, storage.settings).export(accounts)
    lines = ["# Secrets are kept apart, sealed in the database. Write one here to change it:"]
    lines += [f"#   {key.replace(' ', ': ')}" for key in secrets]
    head = "\n".join(lines) + "\n\n" if secrets else ""
    return head + tomli_w.dumps({**document, **({"campaign": campaigns} if campaigns else {})})
