"""The data plane: one Envoy in front of every model server."""
