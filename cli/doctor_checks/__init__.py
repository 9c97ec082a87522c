"""The checks of ``kfp-lifecycle doctor``, one module per outside system."""
