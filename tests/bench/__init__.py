"""Benchmarks: figures as measured, printed as a table by ``make bench``; no verdicts."""
