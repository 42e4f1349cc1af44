"""Runs the sandbox alone: `python -m connectors.bitrix24.sandbox --port 8083 --oauth-port 8084`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys

from connectors.bitrix24.sandbox.server import running
from connectors.bitrix24.sandbox.settings import SandboxSettings


def main() -> None:
    defaults = SandboxSettings()
    parser = argparse.ArgumentParser(prog="python -m connectors.bitrix24.sandbox", description=__doc__)
    parser.add_argument("--host", default=defaults.host)
    parser.add_argument("--port", type=int, default=defaults.port)
    parser.add_argument("--oauth-port", type=int, default=defaults.oauth_port)
    parser.add_argument("--portal-url", default="", help="what answers name as the portal's address")
    parser.add_argument("--oauth-url", default="")
    parser.add_argument("--client-id", default=defaults.client_id)
    parser.add_argument("--client-secret", default=defaults.client_secret)
    parser.add_argument("--handler-url", default="", help="the application's page")
    parser.add_argument("--install-url", default="", help="its installer; else the page")
    parser.add_argument("--is-api-only", action="store_true", help="the application has no pages")
    parser.add_argument("--contacts", type=int, default=0, help="generated contacts besides the seeded office")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(SandboxSettings(**vars(parser.parse_args()))))


async def _serve(settings: SandboxSettings) -> None:
    async with running(settings):
        sys.stderr.write(f"Bitrix24 sandbox: http://{settings.host}:{settings.port}/\n")
        await asyncio.Event().wait()


if __name__ == "__main__":
    main()
