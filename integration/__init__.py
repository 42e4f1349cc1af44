"""Dozvon, except the code for one kind of CRM (`connectors`) or PBX (`pbx_adapter`)."""

__version__ = "0.1.0"
