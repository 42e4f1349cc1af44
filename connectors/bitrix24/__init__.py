"""Bitrix24. `connect` builds the connector of one portal from its table of the configuration file."""

from __future__ import annotations

from connectors.bitrix24.connector import Bitrix24Connector, connect
from connectors.bitrix24.kind import Bitrix24Kind

__all__ = ["Bitrix24Connector", "Bitrix24Kind", "connect"]
