"""What runs in a CRM's page (TypeScript), and `pack.py`, which makes the archives. See README.md beside this file."""
