"""Techniques: one file each, and the registry that is the only door to them.

Nothing in this package imports streamlit, sqlalchemy, torch or vllm.
"""
