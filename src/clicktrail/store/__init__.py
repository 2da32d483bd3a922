"""The engines and every statement that is sent to them. SQL stands here alone, always with bound parameters."""
