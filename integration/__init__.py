"""Dozvon: all that is neither one CRM nor one PBX."""

__version__ = "0.1.0"
