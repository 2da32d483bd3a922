"""Files: imports, exports, and moving a store to another engine."""
