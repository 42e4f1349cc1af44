"""Auto-dial campaigns: who is dialled when, and why not. The words are in `model.py`, the decision in `decide.py`."""
