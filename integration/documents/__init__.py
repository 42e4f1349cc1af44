"""Settings as documents: read from a file, a form, REST or the database, checked by one model, written again.

The domain decides on plain frozen dataclasses (`domain/settings.py`); only this room knows the library (docs/adr/0025).
"""
