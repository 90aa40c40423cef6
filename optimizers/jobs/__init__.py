"""Programs that make checkpoints. Each runs by the Python of another environment and stands alone: it needs nothing of
Rung but this folder."""
