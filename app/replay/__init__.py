"""Sending prompts and stamping time: load profiles, the client, and what a finished request looks like."""
