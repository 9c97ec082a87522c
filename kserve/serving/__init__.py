"""The model server that the serving image runs."""
