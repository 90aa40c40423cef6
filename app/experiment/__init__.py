"""Experiments: what is asked for, the rungs it becomes, and how the worker carries it out."""
