"""The state machine: who waits, who is with whom. Imports nothing of ours."""
