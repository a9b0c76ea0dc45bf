"""Slow second computations, written apart from the product, that prove what it made."""
