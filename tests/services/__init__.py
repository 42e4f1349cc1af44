"""Services on a real SQLite file, with the fake CRM and PBX of `integration/testing.py`."""
