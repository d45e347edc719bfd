"""Pure decisions: events in, instructions out; no I/O, no clock, no randomness, no thread."""
