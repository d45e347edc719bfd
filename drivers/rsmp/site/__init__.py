"""A traffic-light controller that speaks RSMP as a site, for whoever has no hardware."""
