"""Measures a running server as people would load it: raw HTTP, real event streams, open and closed loops."""
