"""Paper for the store: sheets of control codes, badges. What stands on it is pure; `pdf` draws it."""
