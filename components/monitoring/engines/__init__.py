"""Tests of a window's rows against a model's reference; ``drift`` is the way in."""
