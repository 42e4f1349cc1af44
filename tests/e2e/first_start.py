"""`dozvon run` without a file, and the address with a one-time code that it prints."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.lab.ports import free_port

CHECKOUT = Path(__file__).parents[2]


def begin(data: Path) -> subprocess.Popen[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("DOZVON_")}
    environment |= {"DOZVON_LISTEN": f"127.0.0.1:{free_port()}", "DOZVON_DATA_DIR": str(data)}
    return subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", sys.executable, "-m", "integration", "run"],
        cwd=CHECKOUT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip


def printed_address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.fullmatch(r"\s*(http://\S+/setup\?code=\S+)\s*", line):
            return found[1]
    raise AssertionError("it ended without an address")
