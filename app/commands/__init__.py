"""The command line: one module for each command, the same code as the pages call."""
