"""Which models exist, what they can do, and dated prices."""
