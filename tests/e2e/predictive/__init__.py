"""A predictive campaign on a real Asterisk: its clients, its office, a run with kills, and what is said of it."""
