"""The doctor's checks of this installation's exposure: password, addresses, rights on files. Changes nothing."""

from __future__ import annotations

import shlex
import stat
from pathlib import Path
from urllib.parse import urlsplit

from integration.ports.findings import Finding, FindingLevel
from integration.process.config import Config, is_loopback
from integration.services.passwords import is_hash, weakness


def examine_exposure(config: Config) -> list[Finding]:
    """Password, address, the proxy, the configuration's file, the data folder. Never raises."""
    return [
        _password(config.admin_password, config.file),
        _address(config),
        *_proxy(config),
        *([_configuration(config.file)] if config.file is not None else []),
        *_data(config.data_dir),
    ]


def _password(password: str | None, file: Path | None) -> Finding:
    make = "run `dozvon password` and write its hash into server.admin_password"
    if password is None:
        return _ok("password", "none in the configuration: administrators sign in with their own")
    if is_hash(password):
        return _ok("password", "stored as an argon2 hash")
    if (why := weakness(password)) is not None:
        return _warning("password", f"the administrator's password {why}", make)
    place = f"in {file}" if file is not None else "in the environment"
    return _warning("password", f"the administrator's password is stored {place} in plain text", make)


def _address(config: Config) -> Finding:
    public = urlsplit(config.public_url)
    if public.scheme == "https" or config.is_local:
        return _ok("address", f"{config.public_url}")
    return _warning(
        "address",
        f"{config.public_url} is plain http: others can read passwords and calls, and the widget does not load",
        "put a proxy with TLS in front (administrator's guide) and write its https address into server.public_url",
    )


def _proxy(config: Config) -> list[Finding]:
    if urlsplit(config.public_url).scheme == "https" and is_loopback(config.host) and not config.trusted_proxies:
        return [
            _warning(
                "proxy",
                "https needs a proxy on this machine, but none is trusted: all visitors count as one address",
                'write server.trusted_proxies = ["127.0.0.1"] and let the proxy send X-Forwarded-For',
            )
        ]
    return []


def _configuration(file: Path) -> Finding:
    mode = _mode(file)
    if mode & stat.S_IRWXO or mode & stat.S_IWGRP:
        return _warning(
            "configuration",
            f"{file} contains secrets and has mode {mode:03o}: others may read or change it",
            f"chmod {mode & 0o640 | 0o400:03o} {shlex.quote(str(file))}",
        )
    return _ok("configuration", f"{file} is closed to others")


def _data(folder: Path) -> list[Finding]:
    """Each start closes the folder; this finds one that the service's user does not own."""
    mode = _mode(folder)
    if not mode & 0o077:
        return []
    return [
        _warning(
            "data folder",
            f"{folder} contains calls and recordings and has mode {mode:03o}: others may read it",
            f"chmod 700 {shlex.quote(str(folder))}",
        )
    ]


def _mode(path: Path) -> int:
    """The permissions; 0 if they cannot be read, which other checks report."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return 0


def _ok(name: str, message: str) -> Finding:
    return Finding(check=name, level=FindingLevel.OK, message=message)


def _warning(name: str, message: str, remedy: str) -> Finding:
    return Finding(check=name, level=FindingLevel.WARNING, message=message, remedy=remedy)
