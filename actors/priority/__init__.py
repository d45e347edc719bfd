"""Signal priority for buses, trams and emergency vehicles: who asks, and what a site grants."""
