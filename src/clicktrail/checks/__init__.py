"""What is wrong with an installation, and the solution: for `clicktrail doctor`, and for a server that runs."""
