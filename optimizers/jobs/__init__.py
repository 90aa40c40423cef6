"""Work that techniques do in a process of their own: run as `python -m`, never imported by the rest of Rung."""
