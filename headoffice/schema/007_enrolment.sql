-- Tokens that a store may exchange for a certificate, once. Only hashes are kept.
CREATE TABLE enrolment (
    digest   BLOB PRIMARY KEY, -- SHA-256
    store    TEXT NOT NULL,
    until_us INTEGER NOT NULL,
    used_by  BLOB -- SHA-256 of the request that was signed for it
) WITHOUT ROWID;

-- Certificates that head office's own authority has signed.
CREATE TABLE certificate (
    serial     TEXT PRIMARY KEY, -- hexadecimal
    name       TEXT NOT NULL, -- the store, or whose it is
    made_us    INTEGER NOT NULL,
    ends_us    INTEGER NOT NULL,
    revoked_us INTEGER
) WITHOUT ROWID;
