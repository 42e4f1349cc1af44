"""`dozvon password`: makes the hash of an administrator's password, for `server.admin_password`."""

from __future__ import annotations

import argparse
import getpass
import sys

from integration.domain.passwords import LONGEST
from integration.errors import ConfigError
from integration.services.passwords import hashed, weakness


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "Asks for the password twice; without a terminal it reads one line from standard input."


def run(_: argparse.Namespace) -> int:
    """Print only the hash to standard output. Raises: ConfigError for a weak or too long password."""
    plain = _asked() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    if len(plain) > LONGEST:
        raise ConfigError(f"the password has {len(plain)} characters; the maximum is {LONGEST}")
    if (why := weakness(plain)) is not None:
        raise ConfigError(f"the password cannot be used: it {why.say('en')}")
    print(hashed(plain))
    print("Put this into dozvon.toml, [server]: admin_password = '…' (in single quotes)", file=sys.stderr)
    return 0


def _asked() -> str:
    plain = getpass.getpass("New password: ")
    if getpass.getpass("Again: ") != plain:
        raise ConfigError("the two passwords differ")
    return plain
