"""Runs the sandbox alone: `python -m connectors.amocrm.sandbox --port 8082`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from aiohttp import web

from connectors.amocrm.sandbox.server import create_sandbox
from connectors.amocrm.sandbox.settings import SandboxSettings


def main() -> None:
    defaults = SandboxSettings()
    parser = argparse.ArgumentParser(prog="python -m connectors.amocrm.sandbox", description=__doc__)
    parser.add_argument("--host", default=defaults.host)
    parser.add_argument("--port", type=int, default=defaults.port)
    parser.add_argument("--public-url", default="")
    parser.add_argument("--account-host", default="", help="such as {subdomain}.localhost:8082")
    parser.add_argument("--client-id", default=defaults.client_id)
    parser.add_argument("--client-secret", default=defaults.client_secret)
    parser.add_argument("--redirect-uri", default="", help="the integration's address for OAuth codes")
    parser.add_argument("--disconnect-url", default="")
    parser.add_argument("--demo-office-url", default="", help="the simulated office that the demo panel controls")
    parser.add_argument("--vendor-path", type=Path, default=defaults.vendor_path, help="folder with jquery, requirejs")
    parser.add_argument("--contacts", type=int, default=0, help="generated contacts besides the seeded office")
    settings = SandboxSettings(**vars(parser.parse_args()))
    sys.stderr.write(f"amoCRM sandbox: http://{settings.host}:{settings.port}/\n")
    web.run_app(create_sandbox(settings), host=settings.host, port=settings.port, print=None, access_log=None)


if __name__ == "__main__":
    main()
