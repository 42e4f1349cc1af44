"""Managers' own lists, called one client after another from the CRM's page (`domain/campaigns/own_list.py`)."""
