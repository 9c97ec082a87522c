"""Training code of the team that watches returns."""
