"""Prompt sets: what a prompt is, how files become sets, what a set's text looks like on the wire."""
