"""A portal that behaves like the documented Bitrix24: REST, OAuth server, events, pages; for tests and demonstrations.

It follows the documentation, not our connector, and imports nothing of the connector.
"""

from connectors.bitrix24.sandbox.sandbox import SANDBOX, Sandbox
from connectors.bitrix24.sandbox.seed import DEMO_CLIENTS, seed_portal
from connectors.bitrix24.sandbox.server import create_oauth_server, create_sandbox, running
from connectors.bitrix24.sandbox.settings import SandboxSettings

__all__ = [
    "DEMO_CLIENTS",
    "SANDBOX",
    "Sandbox",
    "SandboxSettings",
    "create_oauth_server",
    "create_sandbox",
    "running",
    "seed_portal",
]
