"""Services on a real SQLite file, with the CRM and the PBX that `integration/testing.py` offers."""
