"""The architecture's rules (ADR 1): which package may import which, and what the core may not do."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.process.adapters import CRMS, PBXS

ROOT = Path(__file__).resolve().parents[2]
ANYWHERE = {"integration", "integration.__version__"}
CORE = ("integration.domain", "integration.ports", "integration.errors")
TEXTS = "integration.texts"
WORKERS = ("integration.worker_process", "integration.worker_limits")
OURS = {"integration", "connectors", "pbx_adapter", "widgets", "bench", "tests"}
NO_IO = {
    "asyncio", "socket", "time", "random", "secrets", "os", "io", "pathlib", "subprocess", "logging", "threading",
    "structlog", "aiohttp", "sqlalchemy", "redis", "urllib.request", "tempfile", "shutil", "uuid",
}  # fmt: skip
LIBRARIES = {
    "amocrm": {"connectors/amocrm"},
    "fast_bitrix24": {"connectors/bitrix24"},
    "pydantic": {"integration/documents"},
    "python_calamine": {"integration/spreadsheets"},
    "redis": {"integration/storage"},
    "sqlalchemy": {"integration/storage"},
    "alembic": {"integration/storage"},
    "jinja2": {"integration/web/pages", "connectors/amocrm/sandbox", "connectors/bitrix24/sandbox"},
    "aiohttp": {"integration/web", "integration/web/pages", "integration/process", "integration/demo.py",
                "integration/cli", "connectors", "pbx_adapter", "bench"},
}  # fmt: skip
VENDORS = re.compile("amocrm|kommo|bitrix|asterisk|freepbx|mikopbx|fastagi", re.IGNORECASE)
PROTOCOL_WORDS = re.compile("uniqueid|linkedid|action_?id|channel_?name", re.IGNORECASE)
NAME_VENDORS = ("integration/process/adapters.py", "integration/demo.py", "integration/cli/")
"""The table of kinds, the demonstration and the commands."""

IN_EVERY_CONNECTOR = {
    "README.md", "__init__.py", "client.py", "connector.py", "intake.py", "kind.py", "mapping.py", "setting_texts.py",
    "settings.py", "setup.py", "webhooks.py", "widget.py", "sandbox/",
}  # fmt: skip
UNFINISHED: dict[str, set[str]] = {}
"""
Connectors that are no kind yet, with what stands of them. A sandbox is built before its connector (ADR 45), because the
connector's tests need it; an office cannot choose a CRM that no whole path leads to.
"""
IN_EVERY_ADAPTER = {
    "README.md", "__init__.py", "adapter.py", "kind.py", "people.py", "recordings.py", "replay.py", "setting_texts.py",
    "settings.py", "doctor/", "records/", "simulator/", "tracker/",
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
    """Imports of our modules in `folder` that are not below one of `allowed`."""
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


ARROWS = {
    "integration/ports": ("integration.domain", "integration.ports", "integration.errors"),
    "integration/texts": ("integration.domain", TEXTS),
    "integration/documents": ("integration.domain", "integration.errors", TEXTS, "integration.documents"),
    "integration/services": (*CORE, TEXTS, "integration.services", *WORKERS),
    "integration/storage": (*CORE, "integration.storage", "integration.clock"),
    "integration/spreadsheets": ("integration.domain", "integration.ports", "integration.errors",
                                 "integration.spreadsheets", *WORKERS),
    "integration/speech": ("integration.ports", "integration.errors", "integration.speech", *WORKERS),
    "integration/web": (*CORE, TEXTS, "integration.services", "integration.documents", "integration.web"),
    "integration/process": (*CORE, TEXTS, "integration.services", "integration.storage", "integration.web",
                            "integration.spreadsheets", "integration.speech", "integration.process",
                            "integration.documents",
                            "integration.clock", "integration.logs"),
    "integration/connecting": (*CORE, "integration.connecting"),
    "connectors/amocrm": (*CORE, TEXTS, "integration.documents", "integration.connecting", "connectors.amocrm",
                          "widgets.pack"),
    "connectors/bitrix24": (*CORE, TEXTS, "integration.documents", "integration.connecting", "connectors.bitrix24",
                            "widgets.pack"),
    "pbx_adapter/asterisk": (*CORE, TEXTS, "integration.documents", "pbx_adapter.asterisk"),
}  # fmt: skip


@pytest.mark.parametrize("folder", ARROWS)
def test_arrows_point_inward(folder: str) -> None:
    assert broken(folder, ARROWS[folder], without=NAME_VENDORS) == []


def test_every_package_has_its_arrows() -> None:
    """`cli` and what is beside it at the top may use everything."""
    packages = {folder.name for folder in (ROOT / "integration").iterdir() if (folder / "__init__.py").exists()}
    named = {folder.split("/")[1] for folder in ARROWS if folder.startswith("integration/")}
    assert packages - named == {"cli", "domain"}


@pytest.mark.parametrize(("home", "names"), [("connectors", IN_EVERY_CONNECTOR), ("pbx_adapter", IN_EVERY_ADAPTER)])
def test_every_crm_and_every_pbx_has_the_same_files(home: str, names: set[str]) -> None:
    folders = [folder for folder in (ROOT / home).iterdir() if (folder / "__init__.py").exists()]
    assert folders
    for folder in folders:
        missing = {name for name in UNFINISHED.get(folder.name, names) if not (folder / name).exists()}
        assert not missing, f"{folder.name} lacks {missing}"


def test_every_kind_is_a_folder() -> None:
    connectors = {f.name for f in (ROOT / "connectors").iterdir() if (f / "__init__.py").exists()}
    assert set(CRMS) == connectors - set(UNFINISHED), "a connector leaves UNFINISHED when it joins the table"
    assert set(PBXS) == {f.name for f in (ROOT / "pbx_adapter").iterdir() if (f / "__init__.py").exists()}


@pytest.mark.parametrize("crm", [*CRMS, *UNFINISHED])
def test_the_sandbox_is_no_part_of_the_connector(crm: str) -> None:
    found = broken(f"connectors/{crm}/sandbox", ("integration.domain", f"connectors.{crm}.sandbox"))
    assert found == [], "a sandbox that shares the client's code would share its mistakes"


def test_only_the_table_of_kinds_imports_adapters() -> None:
    assert broken("integration", ("integration",), without=NAME_VENDORS) == []


def test_the_code_of_the_core_names_no_vendor() -> None:
    """Docstrings and comments may: a rule has a source."""
    found = []
    for file in sources("integration"):
        relative = file.relative_to(ROOT).as_posix()
        if not relative.startswith(NAME_VENDORS):
            found += [
                f"{relative}: {word}" for word in _words(ast.parse(file.read_text("utf-8"))) if VENDORS.search(word)
            ]
    assert found == []


def test_no_name_in_the_core_is_one_of_a_vendors_protocol() -> None:
    """`truth.py` prints the words of recorded traces, and stored states keep theirs: as texts."""
    found = []
    for file in sources("integration"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = [getattr(node, key, None) for key in ("id", "attr", "arg", "name")]
            found += [f"{file.name}: {name}" for name in names if isinstance(name, str) and PROTOCOL_WORDS.search(name)]
    assert found == []


def _words(tree: ast.Module) -> Iterator[str]:
    """All names and texts of a module but its docstrings."""
    documents = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=word) | ast.Attribute(attr=word) | ast.arg(arg=word) | ast.keyword(arg=str(word)):
                yield word
            case ast.FunctionDef(name=word) | ast.AsyncFunctionDef(name=word) | ast.ClassDef(name=word):
                yield word
            case ast.Constant(value=str(word)) if id(node) not in documents:
                yield word


def test_libraries_stay_in_their_place() -> None:
    found = []
    for folder in ("integration", "connectors", "pbx_adapter", "widgets"):
        for file in sources(folder):
            relative = file.relative_to(ROOT).as_posix()
            for vendor, places in LIBRARIES.items():
                outside = not any(relative.startswith(place) for place in places)
                if outside and any(under(module, vendor) for module in imports(file)):
                    found.append(f"{relative} imports {vendor}")
    assert found == []


def test_no_file_speaks_of_addresses_that_do_not_last() -> None:
    """What we ship contains no registry hosts and no paths of one machine."""
    words = ("pypi" + ".org", "pythonhosted" + ".org", "registry" + ".npmjs", "deb" + ".debian.org")
    found = []
    for name in ("requirements.lock", "widgets/package-lock.json", "Makefile", "docker-compose.yml"):
        file = ROOT / name
        if file.exists():
            found += [f"{name}: {word}" for word in words if word in file.read_text("utf-8")]
    assert found == []
