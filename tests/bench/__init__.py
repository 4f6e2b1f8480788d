"""Benchmarks: each prints its figures, one JSON object a line."""
