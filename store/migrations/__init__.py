"""Alembic scripts, applied by store.migrate. Released scripts are never edited; a change is a new script."""
