"""From a query string to a query: the field table, the grammar, pages and cursors."""
