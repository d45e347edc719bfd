"""Real signal control over simulated traffic: junctions, buses that come, and what they ask for.

Kernels of the city (``actors.signals``, ``actors.priority``) over a field (``drivers.sumo``).
"""
