"""The engines, and every statement that is sent to them. SQL is written here alone, with bound parameters."""
