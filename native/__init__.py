"""Cython mechanisms without policy: frames, lease gate, mailbox, point table, socket pump."""
