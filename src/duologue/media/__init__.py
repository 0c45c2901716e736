"""Where picture and sound flow: one port, one adapter a kind of media."""
