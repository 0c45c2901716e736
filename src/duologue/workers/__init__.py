"""One loop a file, each with a callable round; ``supervisor`` keeps them going."""
