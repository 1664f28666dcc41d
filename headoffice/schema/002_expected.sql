-- What stores are to expect: documents as they are sent, the newest of each; without a body it is withdrawn.
-- `revision` counts the changes of all documents: a store asks for what came after the one that it has.
CREATE TABLE expected (
    store    TEXT NOT NULL,
    document TEXT NOT NULL,
    revision INTEGER NOT NULL UNIQUE,
    body     BLOB,
    PRIMARY KEY (store, document)
) WITHOUT ROWID;
