"""A KFP API (v2beta1) for one machine, for the official ``kfp.Client`` and ``kfp`` command, over one sqlite file."""
