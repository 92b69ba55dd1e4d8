"""How good is a router on a table of outcomes."""
