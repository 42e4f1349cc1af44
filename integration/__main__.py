"""The command `dozvon`: finds the module of a command, and turns our errors into one line and an exit code."""

from __future__ import annotations

import argparse
import gc
import importlib
import os
import sys
from collections.abc import Sequence
from types import ModuleType

from integration import __version__
from integration.errors import ConfigError, DozvonError

_COMMANDS = {
    "run": "run the middleware: dozvon run --config dozvon.toml",
    "demo": "the middleware, a sandbox CRM and a simulated office, on the loopback",
    "init": "write a first configuration file",
    "setup-code": "print an address to make an owner or to set a lost password",
    "password": "make the hash of an administrator's password",
    "doctor": "check CRM, PBX, permissions, recordings; say what to change",
    "apply": "put the accounts and PBXs of a file into the database: dozvon apply FILE --dry-run",
    "export": "print an office of the database as a file that apply reads",
    "remove": "take an office out of the database",
    "history": "show who changed what in an office of the database, and undo a change",
    "address": "show the public address, store one after trying it, or forget the stored one",
    "leftovers": "show what waits for removed accounts, and delete it",
    "route": "show where a call from this number to this line would go",
    "number": "show how a phone field is read: dozvon number '8 (495) 123-45-67 доб. 105'",
    "secrets": "check that every stored secret can be read, or encrypt all with a new key",
    "backup": "write database and recordings into one file, while the service runs",
    "restore": "replace database and recordings with those of a backup",
    "recover": "log the calls that Dozvon missed, from the PBX's own records",
    "migrate": "bring the database up to date",
    "replay": "print the calls of a recorded event stream",
    "widget": "build the archive that a CRM installs",
    "sandbox": "run only a sandbox CRM",
    "bench": "measure: dozvon bench track|route [--quick]",
}

_SERVING = ("run", "demo", "sandbox", "bench", "restore", "migrate")
"""Commands that serve or measure, or run while nothing serves. The others run beside a serving process."""

_GIVES_WAY = 10
"""By how much the others raise their `nice` value: on two cores a command would delay the cards of everybody."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Exit codes: 0 done, 1 a check found trouble, 2 wrong usage or configuration, 3 failed."""
    parser = argparse.ArgumentParser(prog="dozvon", description="Between a CRM and a PBX.")
    parser.add_argument("--version", action="version", version=f"dozvon {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    given = list(sys.argv[1:] if arguments is None else arguments)
    wanted = next((word for word in given if not word.startswith("-")), None)
    is_a_process = arguments is None
    if is_a_process and wanted in _COMMANDS and wanted not in _SERVING:
        os.nice(_GIVES_WAY)
    for name, what in _COMMANDS.items():
        command = commands.add_parser(name, help=what, description=what)
        if name == wanted:  # load no other command: `replay` needs no database driver
            module = _loaded(f"integration.cli.{name.replace('-', '_')}", collects=not is_a_process)
            module.add_arguments(command)
            command.set_defaults(run=module.run)
    parsed = parser.parse_args(given)
    try:
        return int(parsed.run(parsed))
    except ConfigError as exc:
        print(f"dozvon: {exc}", file=sys.stderr)
        return 2
    except DozvonError as exc:
        print(f"dozvon: {exc}", file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 0


def _loaded(name: str, *, collects: bool) -> ModuleType:
    """Import a module. What is imported stays: looking for garbage meanwhile takes a quarter of a command's start."""
    if not collects:
        gc.disable()
    try:
        return importlib.import_module(name)
    finally:
        if not collects:
            gc.freeze()
            gc.enable()


if __name__ == "__main__":
    sys.exit(main())
