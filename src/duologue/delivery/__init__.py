"""From Redis to a browser: one subscription a process, one event stream a person."""
