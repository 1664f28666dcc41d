-- Projections: where each known tag is, how far documents are, and tags that somebody must look for.
CREATE TABLE tag (
    epc         TEXT PRIMARY KEY,
    sku         TEXT NOT NULL,
    place       TEXT NOT NULL,
    lot         TEXT NOT NULL,
    disposition TEXT NOT NULL,
    units       INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX tag_of_item ON tag (sku, place);

CREATE TABLE progress (
    document TEXT NOT NULL,
    sku      TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    PRIMARY KEY (document, sku)
) WITHOUT ROWID;

CREATE TABLE doubt (
    epc TEXT PRIMARY KEY,
    seq INTEGER NOT NULL
) WITHOUT ROWID;

-- Not a projection: what head office expects, as it said it last.
CREATE TABLE expected (
    document TEXT PRIMARY KEY,
    revision INTEGER NOT NULL,
    body     BLOB NOT NULL
) WITHOUT ROWID;
