"""Settings of the whole test suite: fixtures of real servers, properties, no skipping in `make test`."""

from __future__ import annotations

import gc
from collections.abc import Generator
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, settings

from tests.time_limits import pytest_runtest_call as pytest_runtest_call
from tests.time_limits import pytest_timeout_set_timer as pytest_timeout_set_timer

# On a machine busy with other tests, the time of one example says nothing about the code.
settings.register_profile("dozvon", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("dozvon")

pytest_plugins = ["tests.lab.fixtures", "tests.databases"]


@pytest.fixture(autouse=True)
def logs_of_its_own() -> Generator[None, None, None]:
    """A command that sets up logging must not leave its stream to the next test."""
    yield
    structlog.reset_defaults()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--forbid-skips", action="store_true", help="a skipped test is a failure (make test)")


_TESTS = Path(__file__).parent
# Each package of these builds its servers once; its tests wait for many processes, so it begins first.
_ONE_WORKER_A_PACKAGE = ("faults", "scaled", "next_release")
# Each test of these files takes minutes and has a house of its own.
_ONE_WORKER_A_TEST = {"test_hostile_forms.py"}
# Seconds that a test takes, roughly: where it stands follows from that, nothing else does.
_WAITING = {"e2e": 8.0, "lab": 3.0}
_COMPUTING = {"contract": 0.5, "adapters": 0.3, "packaging": 1.0, "services": 0.3, "unit": 0.03}
_LONG, _BROWSER = 60.0, 8.0
_WAITING_ENDS = 0.85  # of the run: what comes last must be short, or three workers wait for the fourth


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """
    Set what runs in parallel (`-n 4 --dist loadgroup`): files, single long tests, packages that share servers.

    And in which order: tests that wait for phones stand among those that compute, so that both cores always have work.
    """
    groups: dict[str, list[pytest.Item]] = {}
    for item in items:
        groups.setdefault(_group(item), []).append(item)
    seconds = {name: sum(map(_seconds, each)) for name, each in groups.items()}
    place = dict.fromkeys(_ONE_WORKER_A_PACKAGE, -1.0)
    waiting = [name for name, each in groups.items() if name not in place and _package(each[0]) in _WAITING]
    computing = [name for name in groups if name not in place and name not in waiting]
    computing.sort(key=lambda name: _turn(groups[name][0]))
    for names, ends in ((waiting, _WAITING_ENDS), (computing, 1.0)):
        total = sum(seconds[name] for name in names)
        for name, passed in zip(names, accumulate((seconds[name] for name in names), initial=0.0), strict=False):
            place[name] = ends * passed / total
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item)))
    items.sort(key=lambda item: place[_group(item)])


def pytest_collection_finish() -> None:
    """Modules and tests live as long as the run: a full garbage collection that visits them takes half a second."""
    gc.freeze()


def _group(item: pytest.Item) -> str:
    if item.path.name in _ONE_WORKER_A_TEST:
        return item.name
    package = _package(item)
    return package if package in _ONE_WORKER_A_PACKAGE else str(_place(item.path))


def _seconds(item: pytest.Item) -> float:
    if item.path.name in _ONE_WORKER_A_TEST:
        return _LONG
    package = _package(item)
    if package in _COMPUTING and item.get_closest_marker("browser") is not None:
        return _BROWSER
    return {**_WAITING, **_COMPUTING}.get(package, 0.0)


def _turn(item: pytest.Item) -> tuple[bool, int]:
    """The longest first: houses and browsers, then by package."""
    return _seconds(item) < _BROWSER, list(_COMPUTING).index(_package(item))


def _package(item: pytest.Item) -> str:
    """The folder below `tests/`."""
    return _place(item.path).parts[0]


@cache
def _place(file: Path) -> Path:
    """The file below `tests/`; asked of four hundred files, several times for each of their 13,000 tests."""
    return file.relative_to(_TESTS)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Generator[None, Any, Any]:
    """Turn a skip into a failure where nothing may be skipped; an expected failure (xfail) stays."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and item.config.getoption("--forbid-skips"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which is forbidden here: {report.longrepr}"
    return report
