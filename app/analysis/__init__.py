"""Statistics, cost, quality, comparison and the ladder: pure functions over finished requests."""
