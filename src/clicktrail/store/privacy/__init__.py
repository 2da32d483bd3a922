"""What the store owes to people and to auditors: the audit log."""
