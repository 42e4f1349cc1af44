"""The doctor's findings about passwords, addresses and file modes, each with the command that mends it."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest

from integration.ports.findings import Finding, FindingLevel
from integration.process.config import Config
from integration.process.exposure import examine_exposure
from integration.services.passwords import hashed

OK, WARNING, _ = FindingLevel
PUBLIC = "https://calls.example.com"


def found(config: Config, check: str) -> Finding | None:
    return next((f for f in examine_exposure(config) if f.check == check), None)


@pytest.mark.parametrize(
    ("password", "level", "says"),
    [
        (None, OK, "with their own"),
        ("demo", WARNING, "4 characters"),
        ("aaaaaaaaaaaaaaaa", WARNING, "different"),
        ("tail-of-the-kite", WARNING, "in plain text"),
        pytest.param(hashed("tail-of-the-kite"), OK, "hash", id="a hash"),  # its salt differs in every process
    ],
)
def test_the_password(password: str | None, level: FindingLevel, says: str, tmp_path: Path) -> None:
    finding = found(Config(admin_password=password, data_dir=tmp_path), "password")
    assert finding is not None
    assert finding.level is level
    assert says in finding.message
    assert ("dozvon password" in finding.remedy) is (level is WARNING)


@pytest.mark.parametrize(
    ("listen", "public_url", "level"),
    [
        ("127.0.0.1", "http://127.0.0.1:8080", OK),
        ("127.0.0.1", PUBLIC, OK),
        ("127.0.0.1", "http://calls.example.com", WARNING),
        ("0.0.0.0", "http://127.0.0.1:8080", WARNING),
    ],
)
def test_plain_http_that_others_reach(listen: str, public_url: str, level: FindingLevel, tmp_path: Path) -> None:
    finding = found(Config(host=listen, public_url=public_url, data_dir=tmp_path), "address")
    assert finding is not None
    assert finding.level is level


def test_a_proxy_on_this_machine_that_is_not_trusted(tmp_path: Path) -> None:
    config = Config(public_url=PUBLIC, data_dir=tmp_path)
    assert found(config, "proxy") is not None
    assert found(replace(config, trusted_proxies=(ip_network("127.0.0.1"),)), "proxy") is None
    assert found(Config(data_dir=tmp_path), "proxy") is None


@pytest.mark.parametrize(("mode", "is_open"), [(0o600, False), (0o640, False), (0o644, True), (0o666, True)])
def test_a_configuration_that_others_read_is_closed_by_the_command_that_is_named(
    mode: int, is_open: bool, tmp_path: Path
) -> None:
    file = tmp_path / "my dozvon.toml"
    file.touch()
    file.chmod(mode)
    config = Config(data_dir=tmp_path, file=file)
    finding = found(config, "configuration")
    assert finding is not None
    assert (finding.level is WARNING) is is_open
    if is_open:
        subprocess.run(finding.remedy, shell=True, check=True)
        again = found(config, "configuration")
        assert again is not None
        assert again.level is OK


def test_a_data_folder_that_others_look_into(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o755)
    config = Config(data_dir=folder)
    finding = found(config, "data folder")
    assert finding is not None
    subprocess.run(finding.remedy, shell=True, check=True)
    assert found(config, "data folder") is None
