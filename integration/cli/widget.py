"""`dozvon widget build amocrm -o FILE`: builds the archive that a CRM installs."""

from __future__ import annotations

import argparse
import ipaddress
import sys
from pathlib import Path
from urllib.parse import urlsplit

from integration import __version__
from integration.errors import ConfigError
from integration.process import config
from widgets import pack

_USUAL_FILE = Path("dozvon.toml")  # what `dozvon init` writes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    build = actions.add_parser("build", help="write the archive")
    build.add_argument("crm", choices=["amocrm"], help="the CRM that installs it")
    build.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="for example widget.zip")
    build.add_argument("--backend", metavar="URL", help="Dozvon's address for browsers; by default server.public_url")
    build.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help=f"the file with server.public_url; by default ./{_USUAL_FILE}, if there is one",
    )
    build.add_argument("--version", metavar="X.Y.Z", help="raise it at each upload; by default Dozvon's own")
    build.add_argument("--support-email", metavar="ADDRESS", help="shown in the CRM beside the widget")
    build.add_argument(
        "--trial", action="store_true", help="do not warn of an http or loopback address: for a sandbox on this machine"
    )


def run(arguments: argparse.Namespace) -> int:
    """Raises: ConfigError for a wrong argument, a missing address, a widget that is not compiled, or a file that cannot
    be written."""
    backend = pack.checked_backend(arguments.backend or _public_url(arguments.config))
    out = pack.build_amocrm(arguments.output, backend, arguments.version, support_email=arguments.support_email)
    print(f"Wrote {out}: amoCRM widget {arguments.version or __version__} for {backend}.")
    doubt = None if arguments.trial else _doubt(backend)
    if doubt:
        print(f"Warning: {doubt}", file=sys.stderr)
    return 0


def _public_url(file: Path | None) -> str:
    """The address in the configuration. A default would be the loopback, which no manager's browser can reach."""
    if file is None and _USUAL_FILE.exists():
        file = _USUAL_FILE
    settings = config.load(file)
    if not settings.has_public_url:
        where = f"{file}: write server.public_url" if file else f"There is no ./{_USUAL_FILE}: give --config FILE"
        raise ConfigError(
            f"The widget needs the address under which managers' browsers reach Dozvon. {where},"
            " or give --backend https://calls.example.com"
        )
    return settings.public_url


def _doubt(backend: str) -> str | None:
    """Why the widget would not work in a real CRM, and what to do; None if it would."""
    address = urlsplit(backend)
    if _is_loopback(address.hostname or ""):
        return (
            f"{backend} is this machine only: in other people's browsers the widget reaches nothing. For a real CRM set"
            " server.public_url to the https address of Dozvon and build again. For a trial here add --trial."
        )
    if address.scheme == "http":
        return (
            f"{backend} is not https: amoCRM's pages are, and browsers do not let them speak to it. Set"
            " server.public_url to an https address and build again. For a sandbox on plain http add --trial."
        )
    return None


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified
