"""Which click earned a client: candidates, the decision, and what is kept of it."""
