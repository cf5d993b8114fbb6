"""What the operator sees: a line of log, counts and a trace of every request."""
