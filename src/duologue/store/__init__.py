"""Where state lives: one client class for Redis and Valkey, and a Valkey of our own where none is given."""
