"""`dozvon number`: shows how Dozvon reads the text of a phone field."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from integration.domain.numbers.numbering import DialRules, Numbering, is_country, no_such_country
from integration.domain.numbers.phone_text import read_text
from integration.errors import ConfigError
from integration.process import config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("text", metavar="TEXT", help="a phone field, in any form; after -- if it begins with a dash")
    parser.add_argument("--country", metavar="CC", help="the office's: RU, UA, KZ, BY, ...; RU without --config")
    parser.add_argument("--config", type=Path, metavar="FILE", help="dozvon.toml, for the office's country and [dial]")
    parser.add_argument("--account", help="an account of the file; required if it has several")


def run(arguments: argparse.Namespace) -> int:
    found = read_text(arguments.text, numbering_of(arguments))
    numbers = [number.e164 for number in found.numbers]
    print(json.dumps({"numbers": numbers, "extension": found.extension}, ensure_ascii=False))
    return 0


def numbering_of(arguments: argparse.Namespace) -> Numbering:
    """The numbering of the given country or account. Raises: ConfigError for an unknown country, account or file."""
    country, rules = "RU", DialRules()
    if arguments.config is not None:
        settings = _account(config.load(arguments.config), arguments.account).settings
        country, rules = settings.country, settings.dial
    if arguments.country is None:
        return Numbering(country, rules)
    wanted = arguments.country.upper()
    if not is_country(wanted):
        raise ConfigError(f"--country: {no_such_country(wanted)}")
    return Numbering(wanted, rules if wanted == country else DialRules())


def _account(settings: config.Config, wanted: str | None) -> config.AccountConfig:
    by_id = {account.id: account for account in settings.accounts}
    if wanted is None and len(by_id) == 1:
        return settings.accounts[0]
    found = next((account for id_, account in by_id.items() if id_ == wanted), None)
    if found is None:
        raise ConfigError(f"--account: write one of {', '.join(by_id)}" if by_id else "the file has no [[account]]")
    return found
