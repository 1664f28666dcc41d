-- Projections: documents, counts, reservations and whatever else is a map from a key to a record (operations/books.py).
CREATE TABLE book (
    book TEXT NOT NULL,
    key  TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (book, key)
) WITHOUT ROWID;
