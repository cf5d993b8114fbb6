"""How much of the server one client may have: rates, turns, and an end to work that nobody waits for."""
