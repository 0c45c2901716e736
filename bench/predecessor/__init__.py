"""The design that Duologue replaces, written as one would write it."""
