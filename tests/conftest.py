"""Settings of the whole test suite: fixtures of real servers, properties, no skipping in `make test`."""

from __future__ import annotations

from collections.abc import Generator
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
# Tests that start many processes take longest, so they begin first; each package builds its servers once.
_ONE_WORKER_A_PACKAGE = ("faults", "scaled", "next_release")
# Each test of these files takes minutes and has a house of its own.
_ONE_WORKER_A_TEST = {"test_hostile_forms.py"}
_LONGEST_FIRST = (*_ONE_WORKER_A_PACKAGE, "e2e", "contract", "adapters", "packaging", "lab", "services", "unit")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Set what runs in parallel (`-n 4 --dist loadgroup`): files, single long tests, packages that share servers."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item)))
    items.sort(key=_turn)


def _group(item: pytest.Item) -> str:
    if item.path.name in _ONE_WORKER_A_TEST:
        return item.name
    package = _package(item)
    return package if package in _ONE_WORKER_A_PACKAGE else item.path.name


def _turn(item: pytest.Item) -> tuple[int, bool]:
    """Where among the others a test runs. The last ones must be short, or three workers wait for the fourth."""
    is_long = item.path.name in _ONE_WORKER_A_TEST
    return _LONGEST_FIRST.index("e2e" if is_long else _package(item)), not is_long


def _package(item: pytest.Item) -> str:
    """The folder below `tests/`."""
    return item.path.relative_to(_TESTS).parts[0]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Generator[None, Any, Any]:
    """Turn a skip into a failure where nothing may be skipped; an expected failure (xfail) stays."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and item.config.getoption("--forbid-skips"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which is forbidden here: {report.longrepr}"
    return report
