"""Who is asking: keys, session tokens, and where a request carries them."""
