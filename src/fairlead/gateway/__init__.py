"""The asynchronous HTTP surface."""
