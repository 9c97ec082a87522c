"""The vocabulary: pure values and functions, no client of an outside system."""
