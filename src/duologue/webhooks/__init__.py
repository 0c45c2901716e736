"""Webhooks to the host application: what is told to whom, how it is signed and sent, when it is retried."""
