"""A request in, numbers out."""
