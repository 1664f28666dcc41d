-- Every event of every store, once, as its store wrote it.
CREATE TABLE event (
    store TEXT NOT NULL,
    log   TEXT NOT NULL,
    seq   INTEGER NOT NULL,
    type  TEXT NOT NULL,
    hash  TEXT NOT NULL,
    body  BLOB NOT NULL,
    PRIMARY KEY (store, log, seq)
) WITHOUT ROWID;

CREATE TRIGGER event_is_never_changed BEFORE UPDATE ON event
BEGIN
    SELECT RAISE(ABORT, 'what a store wrote is never changed');
END;

CREATE TRIGGER event_is_never_deleted BEFORE DELETE ON event
BEGIN
    SELECT RAISE(ABORT, 'what a store wrote is never deleted');
END;

-- How far each store is taken in, and the key its openings are signed with.
CREATE TABLE position (
    store TEXT PRIMARY KEY,
    log   TEXT NOT NULL,
    seq   INTEGER NOT NULL,
    hash  TEXT NOT NULL,
    part  INTEGER NOT NULL,
    parts INTEGER NOT NULL,
    key   TEXT
) WITHOUT ROWID;

CREATE TABLE stock (
    store       TEXT NOT NULL,
    sku         TEXT NOT NULL,
    zone        TEXT NOT NULL,
    lot         TEXT NOT NULL,
    disposition TEXT NOT NULL,
    quantity    INTEGER NOT NULL,
    PRIMARY KEY (store, sku, zone, lot, disposition)
) WITHOUT ROWID;

-- What was refused, and why: once each, with how often it came; what has not come for longest makes room.
CREATE TABLE quarantine (
    id         INTEGER PRIMARY KEY,
    store      TEXT NOT NULL,
    code       TEXT NOT NULL,
    digest     BLOB NOT NULL, -- SHA-256 of what came
    log        TEXT,
    seq        INTEGER,
    reason     TEXT NOT NULL,
    body       BLOB NOT NULL,
    count      INTEGER NOT NULL,
    at_us      INTEGER NOT NULL,
    last_at_us INTEGER NOT NULL,
    UNIQUE (store, code, digest)
);

CREATE INDEX quarantine_of_store ON quarantine (store, last_at_us, id);
CREATE INDEX quarantine_by_age ON quarantine (last_at_us, id);
