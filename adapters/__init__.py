"""One module per outside system, each through its official client."""
