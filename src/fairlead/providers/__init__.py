"""One upstream call."""
