"""Reads calls from Asterisk's own records: CDR and CEL, in CSV files or database tables."""
