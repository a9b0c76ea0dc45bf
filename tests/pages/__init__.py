"""Generators of the pages of docs/ that are made from declarations in the product."""
