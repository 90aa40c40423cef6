"""Engines: the pure launch plan, the server process, its metrics, and the machine it runs on."""
