"""`dozvon sandbox amocrm|bitrix24`: runs only a sandbox CRM, to test Dozvon or another client against it."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable
from typing import NamedTuple

from aiohttp import web

from connectors.amocrm import sandbox as amocrm
from connectors.bitrix24 import sandbox as bitrix24


class SandboxKind(NamedTuple):
    """One CRM's sandbox: how its options are declared, and what runs it until it is stopped."""

    add_options: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], None]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    crms = parser.add_subparsers(dest="crm", metavar="CRM", required=True)
    for name, kind in SANDBOXES.items():
        crm = crms.add_parser(name, help=f"the sandbox {name}")
        crm.add_argument("--contacts", type=int, default=0, help="generated contacts besides the seeded office")
        kind.add_options(crm)


def run(arguments: argparse.Namespace) -> int:
    SANDBOXES[arguments.crm].run(arguments)
    return 0


def _amocrm_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=8082)
    parser.add_argument("--redirect-uri", default="", help="the integration's address for consent codes")
    parser.add_argument("--disconnect-url", default="")


def _run_amocrm(arguments: argparse.Namespace) -> None:
    settings = amocrm.SandboxSettings(
        port=arguments.port,
        redirect_uri=arguments.redirect_uri,
        disconnect_url=arguments.disconnect_url,
        contacts=arguments.contacts,
    )
    print(f"Sandbox amoCRM: http://127.0.0.1:{arguments.port}/", flush=True)
    print(f"Integration ID {settings.client_id}, secret key {settings.client_secret}", flush=True)
    app = amocrm.create_sandbox(settings)
    web.run_app(app, host="127.0.0.1", port=arguments.port, print=None, access_log=None)


def _bitrix24_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=8083)
    parser.add_argument("--oauth-port", type=int, default=8084, help="of the OAuth server, which is not the portal")
    parser.add_argument("--handler-url", default="", help="the application's page")
    parser.add_argument("--install-url", default="", help="its installer; without one the page is opened")
    parser.add_argument("--api-only", action="store_true", help="the application has no pages, only an installer")


def _run_bitrix24(arguments: argparse.Namespace) -> None:
    settings = bitrix24.SandboxSettings(
        port=arguments.port,
        oauth_port=arguments.oauth_port,
        handler_url=arguments.handler_url,
        install_url=arguments.install_url,
        is_api_only=arguments.api_only,
        contacts=arguments.contacts,
    )
    asyncio.run(_serve_bitrix24(settings))


async def _serve_bitrix24(settings: bitrix24.SandboxSettings) -> None:
    async with bitrix24.running(settings):
        print(f"Sandbox Bitrix24: http://127.0.0.1:{settings.port}/", flush=True)
        print(f"Its OAuth server: http://127.0.0.1:{settings.oauth_port}/oauth/token/", flush=True)
        print(f"Application ID {settings.client_id}, key {settings.client_secret}", flush=True)
        await asyncio.Event().wait()


SANDBOXES = {
    "amocrm": SandboxKind(_amocrm_options, _run_amocrm),
    "bitrix24": SandboxKind(_bitrix24_options, _run_bitrix24),
}
