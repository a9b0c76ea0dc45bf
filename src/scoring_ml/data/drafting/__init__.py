"""A draft of the columns of a flat file."""
