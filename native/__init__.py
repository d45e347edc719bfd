"""Cython mechanisms without policy: frames, mailbox, point table, socket pump."""
