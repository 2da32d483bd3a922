"""From a query string to a question: the field table, the grammar, pages and cursors."""
