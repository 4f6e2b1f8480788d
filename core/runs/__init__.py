"""Runs: in line, at work, on the disk, and what is known of each."""
