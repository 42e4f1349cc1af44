"""The code of the release before, from the repository's history: what runs beside the present one during an update.

There is no release yet. So it is the last code before connections and offices changed at run time, with the schema's
step 0012. It runs with the packages that the present code uses.
"""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.next_release import PRESENT_STEPS

COMMIT = "ca4e3f1f032adcada44ee1c93b2d3a771f588140"
HEAD = "0012"  # the newest step that it knows
STEPS_SINCE = [step for step in PRESENT_STEPS if step > HEAD]

_ROOT = Path(__file__).parents[2]
_PACKAGES = ("integration", "connectors", "pbx_adapter", "widgets")
_SECONDS = 60.0


def unpack(folder: Path, repository: Path = _ROOT) -> Path:
    """Put its packages into `folder` and return it. The test fails if the repository does not have that commit."""
    if _git(repository, "cat-file", "-e", f"{COMMIT}^{{commit}}").returncode:
        _git(repository, "fetch", "--quiet", "--depth=1", "origin", COMMIT)  # the clone may be shallow
    archive = _git(repository, "archive", "--format=tar", COMMIT, *_PACKAGES)
    if archive.returncode:
        pytest.fail(
            f"the release before is missing: commit {COMMIT} is not in this repository ({_said(archive)})."
            " Clone the whole history, or get it: git fetch --unshallow"
        )
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")
    return folder


def _git(repository: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    # A checkout may belong to another user than the one who runs its tests.
    command = ["git", "-c", "safe.directory=*", "-C", str(repository), *arguments]
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0"}
    try:
        return subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=_SECONDS, env=environment)
    except FileNotFoundError:
        pytest.fail("git is not installed: the code of the release before is in the repository's history")
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, b"", b"git did not end in time")


def _said(command: subprocess.CompletedProcess[bytes]) -> str:
    return command.stderr.decode("utf-8", "replace").strip()
