"""The real nginx with `deploy/nginx.conf`; only addresses and paths differ. No tests here."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lab.ports import free_port
from tests.scaled.servers import Server

CONFIGURATION = Path(__file__).parents[2] / "deploy/nginx.conf"
_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


@dataclass(frozen=True, slots=True)
class Proxy:
    url: str
    agi: int  # port


@contextlib.contextmanager
def nginx(folder: Path, pages: Sequence[int], agi: Sequence[int]) -> Iterator[Proxy]:
    """Run it in front of processes with these ports, as many as in its configuration. It must log no error."""
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.fail("nginx is not installed: run `make test-setup`")
    http, stream = free_port(), free_port()
    configuration = folder / "nginx.conf"
    configuration.write_text(_addressed(CONFIGURATION.read_text("utf-8"), folder, (http, stream), (pages, agi)))
    directives = ["daemon off;", f"pid {folder / 'nginx.pid'};", *_load_stream(program)]
    if os.geteuid() == 0:  # workers that may write to the test's folder
        directives.append("user root;")
    command = [program, "-e", "stderr", "-p", str(folder), "-c", str(configuration), "-g", " ".join(directives)]
    checked = subprocess.run([*command, "-t"], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
    assert "warn" not in checked.stderr
    server = Server(command, http, folder / "nginx.log", ["true"])
    server.start()
    try:
        yield Proxy(f"http://127.0.0.1:{http}", stream)
    finally:
        server.stop(signal.SIGTERM)


def _addressed(text: str, folder: Path, ours: tuple[int, int], theirs: tuple[Sequence[int], Sequence[int]]) -> str:
    """The same configuration on the loopback. nginx has its file paths compiled in."""
    for inside, outside, ports in zip((8080, 4573), ours, theirs, strict=True):
        text, count = re.subn(rf"listen {inside};", f"listen 127.0.0.1:{outside};", text)
        assert count == 1
        for number, port in enumerate(ports, 1):
            text, count = re.subn(rf"\bapp{number}:{inside}\b", f"127.0.0.1:{port}", text)
            assert count == 1
    assert "app" not in re.sub(r"#.*", "", text)
    places = "".join(f"    {name}_temp_path {folder / name};\n" for name in _TEMPORARY)
    return text.replace("http {\n", f"http {{\n    access_log off;\n{places}", 1)


def _load_stream(program: str) -> list[str]:
    """In Debian `stream` is a separate module, in the image of docker-compose.yml it is built in."""
    built = subprocess.run([program, "-V"], capture_output=True, text=True).stderr
    if "--with-stream=dynamic" not in built:
        return []
    found = re.search(r"--modules-path=(\S+)", built)
    assert found
    return [f"load_module {found[1]}/ngx_stream_module.so;"]
