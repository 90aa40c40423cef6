"""Results of other clients as runs of Rung's, and Rung's own as files. What each field becomes: docs/interchange.md."""
