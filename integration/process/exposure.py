"""The doctor's checks of this installation's exposure: password, addresses, rights on files. Changes nothing."""

from __future__ import annotations

import shlex
import stat
from pathlib import Path
from urllib.parse import urlsplit

from integration.ports.findings import Finding, ok, warning
from integration.process.config import Config, is_loopback
from integration.services.passwords import is_hash, weakness
from integration.texts import findings as texts


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
    if password is None:
        return ok(texts.PASSWORD, texts.NO_PASSWORD)
    if is_hash(password):
        return ok(texts.PASSWORD, texts.PASSWORD_HASHED)
    if (why := weakness(password)) is not None:
        return warning(texts.PASSWORD, texts.PASSWORD_WEAK(weakness=why), texts.MAKE_A_HASH)
    place = str(file) if file is not None else texts.IN_THE_ENVIRONMENT
    return warning(texts.PASSWORD, texts.PASSWORD_PLAIN(place=place), texts.MAKE_A_HASH)


def _address(config: Config) -> Finding:
    public = urlsplit(config.public_url)
    if public.scheme == "https" or config.is_local:
        return ok(texts.ADDRESS, texts.ADDRESS_IS(address=config.public_url))
    return warning(texts.ADDRESS, texts.ADDRESS_PLAIN(address=config.public_url), texts.PUT_A_PROXY)


def _proxy(config: Config) -> list[Finding]:
    if urlsplit(config.public_url).scheme == "https" and is_loopback(config.host) and not config.trusted_proxies:
        return [warning(texts.PROXY, texts.PROXY_UNTRUSTED, texts.TRUST_THE_PROXY)]
    return []


def _configuration(file: Path) -> Finding:
    mode = _mode(file)
    if mode & stat.S_IRWXO or mode & stat.S_IWGRP:
        command = f"chmod {mode & 0o640 | 0o400:03o} {shlex.quote(str(file))}"
        says = texts.FILE_OPEN(file=str(file), mode=f"{mode:03o}")
        return warning(texts.CONFIGURATION, says, texts.RUN(command=command))
    return ok(texts.CONFIGURATION, texts.FILE_CLOSED(file=str(file)))


def _data(folder: Path) -> list[Finding]:
    """Each start closes the folder; this finds one that the service's user does not own."""
    mode = _mode(folder)
    if not mode & 0o077:
        return []
    says = texts.DATA_OPEN(folder=str(folder), mode=f"{mode:03o}")
    return [warning(texts.DATA_FOLDER, says, texts.RUN(command=f"chmod 700 {shlex.quote(str(folder))}"))]


def _mode(path: Path) -> int:
    """The permissions; 0 if they cannot be read, which other checks report."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return 0
