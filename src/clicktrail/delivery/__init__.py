"""Postbacks: where they may go, how they are signed, sent and retried."""
