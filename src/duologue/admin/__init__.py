"""What moderators and the host application do: sanctions, the audit, and the API on a listener of its own."""
