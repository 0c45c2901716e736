"""The benchmark: the limit, the design that was there before, and ours, in one run (`make bench`)."""
