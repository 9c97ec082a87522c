"""The local cluster: the servers that a cluster has, on one machine."""
