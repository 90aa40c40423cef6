"""The starter model and prompt sets: what Rung measures before a user brings their own.

Nothing here talks to an engine or to the store. The prompt files are committed; the model is made on demand.
"""
