"""`dozvon widget build amocrm -o FILE`: the archive that a CRM installs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from urllib.parse import urlsplit

from integration import __version__, config
from widgets import pack

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    build = actions.add_parser("build", help="write the archive")
    build.add_argument("crm", choices=["amocrm"], help="the CRM that installs it")
    build.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="for example widget.zip")
    build.add_argument("--backend", metavar="URL", help="Dozvon's address for browsers; by default server.public_url")
    build.add_argument("--config", type=Path, metavar="FILE", help="the dozvon.toml to read server.public_url from")
    build.add_argument("--version", metavar="X.Y.Z", help="raise it at each upload; by default Dozvon's own")
    build.add_argument("--support-email", metavar="ADDRESS", help="shown in the CRM beside the widget")


def run(arguments: argparse.Namespace) -> int:
    """Raises ConfigError for a wrong argument, a widget that is not compiled, and a file that cannot be written."""
    backend = pack.checked_backend(arguments.backend or config.load(arguments.config).public_url)
    address = urlsplit(backend)
    out = pack.build_amocrm(arguments.output, backend, arguments.version, support_email=arguments.support_email)
    print(f"Wrote {out}: amoCRM widget {arguments.version or __version__} for {backend}.")
    if address.scheme == "http" and address.hostname not in _LOOPBACK:
        print(f"Careful: amoCRM's pages are https, their browsers will not speak to {backend}.", file=sys.stderr)
    return 0
