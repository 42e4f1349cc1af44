"""The steps by which a database's tables come to be what `schema.py` says."""
