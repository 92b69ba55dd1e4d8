"""Bytes to Request, Response to bytes, one file a dialect."""
