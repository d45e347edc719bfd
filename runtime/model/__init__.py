"""The words of house as types; imports nothing else of the runtime."""
