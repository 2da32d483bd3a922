"""How users prove who they are: passwords, and codes of a second factor."""
