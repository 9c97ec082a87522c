"""The YAML for a cluster, shipped as package data."""
