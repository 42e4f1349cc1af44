"""Dials campaigns: `dialler.py` takes them under leases, `desk.py` has those of an account, `run.py` one of them."""
