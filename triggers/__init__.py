"""The trigger server: alerts and events that start pipeline runs, each at most once."""
