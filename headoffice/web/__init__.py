"""Head office's pages and REST API: what is read from the database, shown and asked."""
