"""The ports that tests give to other servers: no two servers get the same port."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.lab.ports import free_port

CHECKOUT = Path(__file__).parents[2]
DRAW = "from tests.lab.ports import free_port; import sys; print(*[free_port() for _ in range(400)]); sys.stdin.read()"


def test_a_port_is_given_once() -> None:
    assert len({free_port() for _ in range(300)}) == 300


def test_processes_that_run_side_by_side_get_different_ports() -> None:
    mine = {free_port() for _ in range(300)}
    others = [
        subprocess.Popen(
            [sys.executable, "-c", DRAW], cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    try:
        drawn = [{int(port) for port in (other.stdout.readline() if other.stdout else "").split()} for other in others]
    finally:
        for other in others:
            other.communicate()
    assert [len(ports) for ports in drawn] == [400, 400]
    assert not mine & drawn[0]
    assert not mine & drawn[1]
    assert not drawn[0] & drawn[1]
