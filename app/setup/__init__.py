"""What `make studio` and `make test` do before anything else runs.

It runs on a bare Python 3.11, before any package is installed: nothing in here imports more than the standard library.
"""
