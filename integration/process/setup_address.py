"""The address at which the first owner is made: who gets one, and how it is printed."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

from integration.ports.clock import Clock
from integration.process.config import Config
from integration.services.administrators import SETUP_HOURS, Administrators
from integration.services.passwords import PasswordDesk
from integration.storage import Storage

_SOMEWHERE = ("192.0.2.1", 9)  # an address of no machine (RFC 5737): asking for the way there sends nothing


def administrators_of(storage: Storage, clock: Clock, passwords: PasswordDesk) -> Administrators:
    return Administrators(storage.administrators, storage.invitations, storage.setup_codes, clock, passwords)


def setup_address(config: Config, code: str, *, port: int | None = None) -> str:
    """
    Where a browser opens the page `/setup` with this code.

    Args:
        port: that is listened on; None: as configured.
    """
    if config.has_public_url or config.is_stored_url:
        return f"{config.public_url}/setup?code={code}"
    host = config.host
    if _is_everywhere(host):
        host = _machine()
    return f"http://{f'[{host}]' if ':' in host else host}:{port or config.port}/setup?code={code}"


def setup_text(address: str) -> str:
    """For a person at a terminal or in a container's log: the address stands alone, to be copied."""
    return (
        "\n"
        "  Open this address in a browser to set up Dozvon and sign in.\n"
        f"  It works once, within {SETUP_HOURS} hours. Keep it to yourself.\n"
        "\n"
        f"    {address}\n"
    )


def port_of(url: str) -> int | None:
    return urlsplit(url).port


def _is_everywhere(host: str) -> bool:
    if not host:
        return True
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def _machine() -> str:
    """This machine as others reach it: its address on the network, else its name. Sends nothing; never raises."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(_SOMEWHERE)
            found = str(probe.getsockname()[0])
    except OSError:
        found = ""
    return found if found and not _is_everywhere(found) else socket.gethostname()
