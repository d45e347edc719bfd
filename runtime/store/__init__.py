"""What must survive the processes: the journals of the zones."""
