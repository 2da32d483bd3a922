"""One person: found, exported, erased; and what is deleted by age."""
