"""Work that loads a model, each in a process of its own that speaks JSON lines.

Those that make checkpoints run by the Python of another environment and need nothing of Rung but this folder.
"""
