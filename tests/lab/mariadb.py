"""A private MariaDB on a loopback port, like the one with FreePBX's records, for the time of a `with` block."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.lab.asterisk import LabMissingError
from tests.lab.ports import free_port
from tests.lab.servers import as_user, running, unprivileged_user

USER, PASSWORD, DATABASE = "dozvon", "dozvon-secret", "asteriskcdrdb"
_SET_UP = f"""CREATE DATABASE {DATABASE} CHARACTER SET utf8mb4;
CREATE USER '{USER}'@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';
GRANT ALL ON {DATABASE}.* TO '{USER}'@'127.0.0.1';
"""


@contextlib.contextmanager
def mariadb_server() -> Iterator[str]:
    """
    Run one with an empty database; yield its URL.

    Raises:
        LabMissingError: MariaDB is not installed.
    """
    server, install = shutil.which("mariadbd"), shutil.which("mariadb-install-db")
    if server is None or install is None:
        raise LabMissingError("MariaDB is not installed: run `make test-setup`")
    user, port = unprivileged_user(), free_port()
    with tempfile.TemporaryDirectory(prefix="dozvon-mariadb-") as parent:
        folder = Path(parent) / "data"
        folder.mkdir()
        set_up = Path(parent) / "set-up.sql"
        set_up.write_text(_SET_UP)
        if user is not None:
            Path(parent).chmod(0o711)
            os.chown(folder, user.pw_uid, user.pw_gid)
        options: list[str | Path] = ["--no-defaults", f"--datadir={folder}"]
        made = [install, *options, "--auth-root-authentication-method=normal", "--skip-test-db"]
        done = subprocess.run(as_user(user, made), capture_output=True, text=True, cwd=parent)
        if done.returncode:
            raise RuntimeError(f"mariadb-install-db failed:\n{done.stdout}{done.stderr}")
        command = [
            server,
            *options,
            f"--port={port}",
            "--bind-address=127.0.0.1",
            "--skip-name-resolve",
            f"--socket={folder}/socket",
            f"--pid-file={folder}/pid",
            f"--init-file={set_up}",
        ]
        with running(as_user(user, command), port, Path(parent) / "log"):
            yield f"mysql://{USER}:{PASSWORD}@127.0.0.1:{port}/{DATABASE}"
