"""The steps that bring a database's tables to the form of `schema`."""
