"""HTTP: parse, one call, answer. One noun a file; what can go wrong is in ``problems``."""
