"""The city: device kinds, zone supervisor, command centre."""
