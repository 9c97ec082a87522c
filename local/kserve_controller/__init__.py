"""The stand-in for KServe's controller, with the semantics of both deployment modes.

Facts marked "KServe" were read in the source of kserve/kserve at aaac4e294 (between v0.20.0 and v0.21.0).
"""
