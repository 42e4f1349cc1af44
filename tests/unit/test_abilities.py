"""No ability is a dead word: each is declared by every kind, and read by a service, a page or the process."""

from __future__ import annotations

import ast
from dataclasses import MISSING, fields
from pathlib import Path

from integration.domain.connections.abilities import CrmAbilities, PbxAbilities
from integration.process.adapters import CRMS, PBXS

ROOT = Path(__file__).resolve().parents[2]
READERS = ("services", "web", "process")


def _read() -> set[str]:
    """Names behind `abilities.` in the code that decides."""
    found = set()
    for folder in READERS:
        for file in (ROOT / "integration" / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.Attribute) and "abilities" in (
                    getattr(node.value, "attr", None),
                    getattr(node.value, "id", None),
                ):
                    found.add(node.attr)
    return found


def test_every_ability_is_read_and_no_other_word() -> None:
    declared = {field.name for kind in (CrmAbilities, PbxAbilities) for field in fields(kind)}
    assert _read() == declared


def test_no_ability_has_a_default() -> None:
    """The author of a kind decides on each."""
    for kind in (CrmAbilities, PbxAbilities):
        assert all(field.default is MISSING for field in fields(kind))


def test_every_kind_declares_its_abilities() -> None:
    assert all(isinstance(kind.abilities, CrmAbilities) for kind in CRMS.values())
    assert all(isinstance(kind.abilities, PbxAbilities) for kind in PBXS.values())
