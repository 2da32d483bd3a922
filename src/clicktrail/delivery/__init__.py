"""Postbacks on their way out: where they may go, how they are signed, sent and tried again."""
