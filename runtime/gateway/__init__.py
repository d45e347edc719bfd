"""The public ZeroMQ API."""
