"""A CRM that behaves like the documented amoCRM: API, webhooks and page, for tests and for the demonstration.

It follows the documentation, not our connector, and imports nothing of the connector.
"""

from connectors.amocrm.sandbox.sandbox import SANDBOX, Sandbox
from connectors.amocrm.sandbox.seed import DEMO_CLIENTS, seed_office
from connectors.amocrm.sandbox.server import create_sandbox
from connectors.amocrm.sandbox.settings import SandboxSettings

__all__ = ["DEMO_CLIENTS", "SANDBOX", "Sandbox", "SandboxSettings", "create_sandbox", "seed_office"]
