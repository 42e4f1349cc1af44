"""Calls read from what an Asterisk wrote down by itself: CDR and CEL, in CSV files or in tables of a database."""
