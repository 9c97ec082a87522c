"""Schemas of the kinds, as data. See schema.py for how they are read."""
