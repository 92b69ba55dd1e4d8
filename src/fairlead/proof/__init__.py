"""What can be claimed from a log."""
