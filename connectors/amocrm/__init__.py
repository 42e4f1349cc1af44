"""amoCRM and Kommo. `connect` builds the connector of one account from its table of the configuration file."""

from __future__ import annotations

from connectors.amocrm.connector import Connector, connect
from connectors.amocrm.sending import Senders

__all__ = ["Connector", "Senders", "connect"]
