"""What scripts/benchmark is made of: captures, commands that are timed, peers, the report."""
