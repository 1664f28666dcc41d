-- The log: append only. `body` is the canonical JSON as it is published; `type` stands beside it for the uplink's batches.
CREATE TABLE event (
    seq  INTEGER PRIMARY KEY,
    type TEXT NOT NULL,
    body BLOB NOT NULL
);

-- The exceptions tray is looked at all day, and exceptions are few.
CREATE INDEX event_exception ON event (seq) WHERE type = 'exception';

CREATE TRIGGER event_is_never_changed BEFORE UPDATE ON event
BEGIN
    SELECT RAISE(ABORT, 'the log is append-only: correct with a new event');
END;

-- Pruning opens this door up to a delivered position, in the transaction that deletes.
CREATE TABLE prune_door (below INTEGER NOT NULL);

CREATE TRIGGER event_is_never_deleted BEFORE DELETE ON event
WHEN NOT EXISTS (SELECT 1 FROM prune_door WHERE OLD.seq < below)
BEGIN
    SELECT RAISE(ABORT, 'the log is append-only: nothing is deleted');
END;

CREATE TRIGGER event_follows_event BEFORE INSERT ON event
WHEN NEW.seq <> (SELECT COALESCE(MAX(seq), 0) + 1 FROM event)
BEGIN
    SELECT RAISE(ABORT, 'the log has no gaps: an event must follow the newest one');
END;

-- Projections: can be rebuilt from the latest opening to the same bytes.
CREATE TABLE stock (
    sku         TEXT NOT NULL,
    zone        TEXT NOT NULL,
    lot         TEXT NOT NULL,
    disposition TEXT NOT NULL,
    quantity    INTEGER NOT NULL,
    PRIMARY KEY (sku, zone, lot, disposition)
) WITHOUT ROWID;

CREATE TABLE session (
    station TEXT PRIMARY KEY,
    body    TEXT NOT NULL
) WITHOUT ROWID;

-- Not projections: who this log is, and how far it was sent and delivered.
CREATE TABLE identity (
    store TEXT NOT NULL,
    log   TEXT NOT NULL
);

CREATE TABLE position (
    consumer TEXT PRIMARY KEY,
    seq      INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE response (
    id   TEXT PRIMARY KEY,
    body BLOB NOT NULL
);
