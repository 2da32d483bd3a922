"""What a process keeps in memory of its store."""
