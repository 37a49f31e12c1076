"""Benchmarks of the executable: what those in scripts/dev share."""
