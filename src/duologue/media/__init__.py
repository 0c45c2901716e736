"""How picture and sound travel: one port, and one adapter for each kind of media."""
