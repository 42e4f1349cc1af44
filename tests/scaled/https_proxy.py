"""The real Caddy with `deploy/Caddyfile`; only its ports differ, and the authority is its own. No tests here."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from tests.lab.ports import free_port
from tests.lab.waiting import until
from tests.scaled.servers import Server

CONFIGURATION = Path(__file__).parents[2] / "deploy/Caddyfile"


@dataclass(frozen=True, slots=True)
class HttpsProxy:
    """
    Attributes:
        url: https, under the name `localhost`.
        plain: the port of plain http.
        authority: the certificate of its own authority.
    """

    url: str
    plain: int
    authority: Path

    def session(self, *, come_from: str = "127.0.0.1") -> aiohttp.ClientSession:
        """A browser that trusts the authority. `come_from`: its address, of the loopback."""
        trust = ssl.create_default_context(cafile=str(self.authority))
        connector = aiohttp.TCPConnector(ssl=trust, local_addr=(come_from, 0), family=socket.AF_INET)
        return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.CookieJar(unsafe=True))


@contextlib.contextmanager
def caddy(folder: Path, upstream: str) -> Iterator[HttpsProxy]:
    """Run it in front of Dozvon at `upstream` (host:port)."""
    program = shutil.which("caddy")
    if program is None:
        pytest.fail("caddy is not installed: run `make test-setup`")
    secure, plain = free_port(), free_port()
    text = CONFIGURATION.read_text("utf-8")
    ours = f"\thttp_port {plain}\n\thttps_port {secure}\n\tlocal_certs\n\tskip_install_trust\n"
    text, count = text.replace("\tadmin off\n", f"\tadmin off\n{ours}", 1), text.count("\tadmin off\n")
    assert count == 1
    (folder / "Caddyfile").write_text(text)
    environment = {"DOZVON_UPSTREAM": upstream, "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    command = [program, "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]
    command = ["env", *(f"{name}={value}" for name, value in environment.items()), *command]
    ready = ["bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{secure}"]
    server = Server(command, secure, folder / "caddy.log", ready)
    server.start()
    try:
        yield HttpsProxy(f"https://localhost:{secure}", plain, folder / "caddy/pki/authorities/local/root.crt")
    finally:
        server.stop(signal.SIGTERM)


async def is_there(file: Path) -> None:
    await until(file.exists, timeout_seconds=30.0)


def trust(proxy: HttpsProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenSSL's default for this process, as the system's authorities are on a server."""
    monkeypatch.setenv("SSL_CERT_FILE", os.fspath(proxy.authority))
