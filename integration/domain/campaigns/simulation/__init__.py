"""A shift of a campaign in simulated time, with the policy that also dials real clients. Pure: chance is handed in."""
