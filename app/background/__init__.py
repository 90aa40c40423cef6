"""Work that a page asks for and does not wait for: each job in a process of its own, its state in a file."""
