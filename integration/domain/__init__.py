"""The pure core: a state, an event and `now` in; the new state and what should be done out.

Nothing here waits, reads a clock, draws chance, logs or opens anything; nothing here imports the rest of Dozvon.
"""
