"""What the store owes to people and to auditors: the audit log; one person, found and erased; retention by age."""
