"""amoCRM and Kommo. `connect` builds the connector of one account from its table of the configuration file."""

from __future__ import annotations

from connectors.amocrm.api.sending import Senders
from connectors.amocrm.connector import AmocrmConnector, connect
from connectors.amocrm.kind import AmocrmKind

__all__ = ["AmocrmConnector", "AmocrmKind", "Senders", "connect"]
