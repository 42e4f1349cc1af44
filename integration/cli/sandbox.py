"""`dozvon sandbox amocrm`: runs only the sandbox CRM, to test Dozvon or another client against it."""

from __future__ import annotations

import argparse

from aiohttp import web

from connectors.amocrm.sandbox import SandboxSettings, create_sandbox


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("crm", choices=["amocrm"])
    parser.add_argument("--port", type=int, default=8082)
    parser.add_argument("--redirect-uri", default="", help="the integration's address for consent codes")
    parser.add_argument("--disconnect-url", default="")
    parser.add_argument("--contacts", type=int, default=0, help="generated contacts besides the seeded office")


def run(arguments: argparse.Namespace) -> int:
    settings = SandboxSettings(
        port=arguments.port,
        redirect_uri=arguments.redirect_uri,
        disconnect_url=arguments.disconnect_url,
        contacts=arguments.contacts,
    )
    print(f"Sandbox amoCRM: http://127.0.0.1:{arguments.port}/", flush=True)
    print(f"Integration ID {settings.client_id}, secret key {settings.client_secret}", flush=True)
    web.run_app(create_sandbox(settings), host="127.0.0.1", port=arguments.port, print=None, access_log=None)
    return 0
