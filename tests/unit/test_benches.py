"""Each bench prints its figures in the form that the documents need. The sizes are tiny, so no figure is checked."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import structlog

from bench import campaign_choice, card, contacts, deliver, dial, pages, route, scale, track
from integration.cli import bench
from scripts import measure


def tiny_track() -> dict[str, Any]:
    return track.run(size=track.Size(live=(2, 4), events=400, stored_events=200, memory_calls=2))


def tiny_route(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setattr(route, "postgres", no_postgres)
    return route.run(size=route.Size(contacts=200, seconds=0.2, live=0))


def tiny_scale(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setattr(scale, "postgres", no_postgres)
    return scale.run(size=scale.Size(events=400, stored_events=0, rounds=1, live=2))


class no_postgres:  # noqa: N801 - stands for the function of this name
    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None


def holds_the_form(said: dict[str, Any], name: str) -> None:
    assert set(said) == {"bench", "aims", "detail"}
    assert said["bench"] == name
    assert said["aims"]
    for aim in said["aims"]:
        assert set(aim) == {"what", "aim", "measured", "unit", "met"}
        assert isinstance(aim["measured"], int | float)
        assert isinstance(aim["met"], bool)
    assert said["detail"]["load_average"] >= 0
    json.dumps(said)


def measured(said: dict[str, Any], what: str) -> float:
    return float(next(aim["measured"] for aim in said["aims"] if what in aim["what"]))


def test_track() -> None:
    said = tiny_track()
    holds_the_form(said, "track")
    assert all(level["pair_failures"] == 0 for level in said["detail"]["levels"])


def test_choose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaign_choice, "postgres", no_postgres)
    monkeypatch.setattr(campaign_choice, "SMALL", campaign_choice.Size(campaigns=1, entries=40, asked=4))
    said = campaign_choice.run(size=campaign_choice.Size(campaigns=2, entries=60, asked=4))
    holds_the_form(said, "choose")
    assert [each["entries"] for each in said["detail"]["sqlite"]] == [40, 120]


def test_route(monkeypatch: pytest.MonkeyPatch) -> None:
    said = tiny_route(monkeypatch)
    holds_the_form(said, "route")
    assert measured(said, "right answer") == 0


def test_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "postgres", no_postgres)
    said = pages.run(size=pages.Size(managers=60, lines=5, calls=80, requests=1))
    holds_the_form(said, "pages")
    assert measured(said, "did not answer") == 0
    measured_pages = said["detail"]["sqlite"]["pages"]
    assert {"/admin/bench/calls", "/admin/bench/calls/bench-pbx:1700000000.7000007", "/admin/setup/bench/lines"} <= set(
        measured_pages
    )
    assert set(pages.SEARCHES) <= set(measured_pages)


def test_dial() -> None:
    office = replace(dial.FULL[0].office, shift_seconds=1800.0)
    said = dial.run(scenes=[dial.Scene("tiny", office, seeds=2, compared=1)])
    holds_the_form(said, "dial")
    told = said["detail"]["tiny"]
    assert told["progressive"]["abandoned"] == 0
    assert told["oracle_occupancy"] > told["policy"]["occupancy"] > 30


def test_scale(monkeypatch: pytest.MonkeyPatch) -> None:
    holds_the_form(tiny_scale(monkeypatch), "scale")


@pytest.mark.parametrize(
    ("name", "run", "nothing_of"),
    [
        ("card", lambda: card.run(size=card.Size(clients=2, calls=1, portal_calls=1, warm_up=0)), "did not come"),
        (
            "deliver",
            lambda: deliver.run(
                size=deliver.Size(
                    calls=4, accounts=2, unlimited_calls=0, unlimited_accounts=0, portal_calls=4, portals=2
                )
            ),
            "lost or doubled",
        ),
        (
            "import",
            lambda: contacts.run(size=contacts.Size(contacts=300, parallel=0, parallel_contacts=0)),
            "missing",
        ),
    ],
)
def test_against_the_sandbox(name: str, run: Callable[[], dict[str, Any]], nothing_of: str) -> None:
    said = run()
    holds_the_form(said, name)
    assert measured(said, nothing_of) == 0


def test_the_output_is_the_json_alone(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*, quick: bool) -> dict[str, bool]:
        structlog.get_logger().error("something of the database")
        return {"is_quick": quick}

    monkeypatch.setattr(campaign_choice, "run", run)
    assert bench.run(Namespace(name="choose", quick=True)) == 0
    said = capsys.readouterr()
    assert json.loads(said.out) == {"is_quick": True}
    assert "something of the database" in said.err


def test_every_bench_has_a_row_of_its_own_in_the_documents_table() -> None:
    said = {"what": "time", "aim": 5.0, "measured": 4.2, "unit": "ms", "met": True}
    results = {
        name: {"bench": name, "aims": [said], "detail": {"load_average": 0.5, "cores": 2}} for name in bench.NAMES
    }
    table = measure.table(results)
    assert all(f"| `{name}` | time | 5.0 ms | 4.2 ms | yes |" in table for name in bench.NAMES)
