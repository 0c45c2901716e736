"""Who is asking: signing keys, session tokens, and where a request carries them."""
