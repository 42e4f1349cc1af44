"""requirements.lock is what `make setup` installs: it must follow pyproject.toml and be the same everywhere."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
LOCK = (CHECKOUT / "requirements.lock").read_text()


def _name(requirement: str) -> str:
    """The normalised distribution name of a requirement (PEP 503)."""
    name = re.split(r"[\s\[<>=!~;]", requirement, maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_declared_dependency_is_locked() -> None:
    """After adding a dependency run `make lock`."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    declared = {_name(line) for line in project["dependencies"] + project["optional-dependencies"]["dev"]}
    locked = {_name(line) for line in re.findall(r"^[a-zA-Z].*", LOCK, re.M)}
    assert declared - locked == set()


def test_every_locked_package_has_hashes() -> None:
    entries = re.split(r"\n(?=[a-zA-Z])", LOCK)
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []


def test_the_lock_names_no_registry() -> None:
    """People may use a mirror: hashes identify the packages, not addresses."""
    assert "://" not in LOCK
