-- Events that a store no longer has and head office never had: what comes behind them is an opening.
CREATE TABLE skipped (
    store    TEXT NOT NULL,
    log      TEXT NOT NULL,
    seq_from INTEGER NOT NULL,
    seq_to   INTEGER NOT NULL,
    at_us    INTEGER NOT NULL,
    PRIMARY KEY (store, log, seq_from)
) WITHOUT ROWID;

CREATE INDEX skipped_by_age ON skipped (at_us);

-- Where openings begin that came since this step; a log begins with one.
CREATE TABLE opening (
    store TEXT NOT NULL,
    log   TEXT NOT NULL,
    seq   INTEGER NOT NULL,
    parts INTEGER NOT NULL,
    at_us INTEGER NOT NULL,
    PRIMARY KEY (store, log, seq)
) WITHOUT ROWID;

-- From event `seq` on the log is signed with `next`.
CREATE TABLE key_change (
    store TEXT NOT NULL,
    log   TEXT NOT NULL,
    seq   INTEGER NOT NULL,
    key   TEXT NOT NULL,
    next  TEXT NOT NULL,
    at_us INTEGER NOT NULL,
    PRIMARY KEY (store, log, seq)
) WITHOUT ROWID;

CREATE INDEX key_change_by_age ON key_change (at_us);

-- Projection: openings that follow the event before them, and state something else than the events up to there.
CREATE TABLE opening_off (
    store TEXT NOT NULL,
    log   TEXT NOT NULL,
    seq   INTEGER NOT NULL, -- its last part
    skus  INTEGER NOT NULL,
    at_us INTEGER NOT NULL,
    body  TEXT NOT NULL, -- JSON: of some of them [SKU, stated, as the events say]
    PRIMARY KEY (store, log, seq)
) WITHOUT ROWID;

CREATE INDEX opening_off_by_age ON opening_off (at_us);

-- The oldest event that the store says it has of its log.
ALTER TABLE store_state ADD COLUMN first_seq INTEGER NOT NULL DEFAULT 1;
