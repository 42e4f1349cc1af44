"""Settings as documents: read from a file, a form, REST or the database, checked by one model, and written again.

The domain uses plain frozen dataclasses (`domain/settings.py`); only this package uses the library (docs/adr/0025).
"""
