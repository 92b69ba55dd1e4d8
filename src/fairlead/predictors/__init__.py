"""Numbers in, a prediction per candidate out."""
