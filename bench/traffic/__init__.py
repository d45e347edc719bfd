"""Traffic for bench/priority.py: demand, an independent observer, and what is beaten."""
