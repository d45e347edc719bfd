"""Cells: processes that host actors, their links, their tables and their streams."""
