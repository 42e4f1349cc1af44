"""The arrows of the house (docs/adr/0001): what may import what, and what the core may not do."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ANYWHERE = {"integration", "integration.__version__"}
CORE = ("integration.domain", "integration.ports", "integration.errors")
OURS = {"integration", "connectors", "pbx_adapter", "widgets", "bench", "tests"}
NO_IO = {
    "asyncio", "socket", "time", "random", "secrets", "os", "io", "pathlib", "subprocess", "logging", "threading",
    "structlog", "aiohttp", "sqlalchemy", "redis", "urllib.request", "tempfile", "shutil", "uuid",
}  # fmt: skip
VENDORS = {
    "amocrm": {"connectors/amocrm"},
    "fast_bitrix24": {"connectors/bitrix24"},
    "redis": {"integration/storage"},
    "sqlalchemy": {"integration/storage"},
    "alembic": {"integration/storage"},
    "jinja2": {"integration/web/pages", "connectors/amocrm/sandbox"},
    "aiohttp": {"integration/web", "integration/web/pages", "integration/process/process.py", "integration/demo.py",
                "integration/consent.py", "integration/cli", "connectors", "pbx_adapter", "bench"},
}  # fmt: skip


def sources(folder: str) -> list[Path]:
    return sorted(p for p in (ROOT / folder).rglob("*.py") if "node_modules" not in p.parts)


@functools.cache
def imports(file: Path) -> tuple[str, ...]:
    return tuple(_imports(file))


def _imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{file}: relative import"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def under(module: str, *packages: str) -> bool:
    return any(module == p or module.startswith(p + ".") for p in packages)


def broken(folder: str, allowed: tuple[str, ...], *, without: tuple[str, ...] = ()) -> list[str]:
    """Imports of ours in `folder` that are not below one of `allowed`."""
    found = []
    for file in sources(folder):
        relative = file.relative_to(ROOT).as_posix()
        if relative.startswith(without) and without:
            continue
        for module in imports(file):
            if module.split(".")[0] in OURS and module not in ANYWHERE and not under(module, *allowed):
                found.append(f"{relative} imports {module}")
    return found


def test_the_domain_imports_nothing_of_ours_but_itself() -> None:
    assert broken("integration/domain", ("integration.domain",)) == []


def test_the_domain_does_no_io_and_has_no_clock_and_no_chance() -> None:
    found = []
    for file in sources("integration/domain"):
        tree = ast.parse(file.read_text("utf-8"))
        found += [f"{file.name} imports {m}" for m in imports(file) if under(m, *NO_IO)]
        found += [f"{file.name} waits" for node in ast.walk(tree) if isinstance(node, ast.Await | ast.AsyncFunctionDef)]
        calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
        found += [f"{file.name} calls {f.id}" for f in calls if isinstance(f, ast.Name) and f.id in {"open", "print"}]
        found += [
            f"{file.name} asks the clock"
            for f in calls
            if isinstance(f, ast.Attribute) and f.attr in {"now", "utcnow", "today"}
        ]
    assert found == []


@pytest.mark.parametrize(
    ("folder", "allowed"),
    [
        ("integration/services", (*CORE, "integration.texts", "integration.services")),
        (
            "integration/storage",
            (*CORE, "integration.storage", "integration.clock"),
        ),
        (
            "integration/web",
            (*CORE, "integration.texts", "integration.services", "integration.web",
             "integration.web.metrics", "integration.__version__"),
        ),
        (
            "connectors/amocrm",
            (*CORE, "connectors.amocrm"),
        ),
        (
            "pbx_adapter/asterisk",
            (*CORE, "pbx_adapter.asterisk"),
        ),
    ],
)  # fmt: skip
def test_arrows_point_inward(folder: str, allowed: tuple[str, ...]) -> None:
    assert broken(folder, allowed) == []


def test_the_sandbox_is_no_part_of_the_connector() -> None:
    found = broken("connectors/amocrm/sandbox", ("integration.domain", "connectors.amocrm.sandbox"))
    assert found == [], "a sandbox that shares the client's code would share its mistakes"


def test_only_the_composition_root_names_adapters() -> None:
    roots = (
        "integration/process/process.py",
        "integration/consent.py",
        "integration/demo.py",
        "integration/consent.py",
        "integration/cli/",
    )
    allowed = ("integration",)
    assert broken("integration", allowed, without=roots) == []


def test_vendors_stay_in_their_place() -> None:
    found = []
    for folder in ("integration", "connectors", "pbx_adapter", "widgets"):
        for file in sources(folder):
            relative = file.relative_to(ROOT).as_posix()
            for vendor, places in VENDORS.items():
                outside = not any(relative.startswith(place) for place in places)
                if outside and any(under(module, vendor) for module in imports(file)):
                    found.append(f"{relative} imports {vendor}")
    assert found == []


def test_no_file_speaks_of_addresses_that_do_not_last() -> None:
    """Registry hosts and a machine's own paths have no place in what is shipped."""
    words = ("pypi" + ".org", "pythonhosted" + ".org", "registry" + ".npmjs", "deb" + ".debian.org")
    found = []
    for name in ("requirements.lock", "widgets/package-lock.json", "Makefile", "docker-compose.yml"):
        file = ROOT / name
        if file.exists():
            found += [f"{name}: {word}" for word in words if word in file.read_text("utf-8")]
    assert found == []
