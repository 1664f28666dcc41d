-- Projections of what tags did: the union of EPCs in open counts, and the serial numbers that were given out.
CREATE TABLE counted (
    session TEXT NOT NULL,
    zone    TEXT NOT NULL,
    epc     TEXT NOT NULL,
    PRIMARY KEY (session, zone, epc)
) WITHOUT ROWID;

CREATE TABLE serial (
    gtin TEXT PRIMARY KEY,
    last INTEGER NOT NULL
) WITHOUT ROWID;
