"""The pure core: takes a state, an event and `now`; returns the new state and what should be done.

It does not wait, read a clock, use randomness, log or open anything, and it imports nothing else of Dozvon.
"""
