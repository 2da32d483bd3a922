"""What comes in as files: reading them, and writing what they hold into the store."""
