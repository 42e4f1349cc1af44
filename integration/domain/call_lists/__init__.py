"""Reads lists of people to call from files: pure. `integration/spreadsheets/` opens the files."""
