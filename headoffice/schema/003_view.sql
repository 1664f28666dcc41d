-- What the real-time view, alerts, checks and commands stand on. Written once for SQLite and PostgreSQL: only TEXT,
-- INTEGER (64 bits) and BLOB, no expression that the two understand differently. `headoffice/database.py` translates.
--
-- Projections are written in the transaction that stores their events, and can be made again from the events
-- (`jaego-hq rebuild`). Times that end in `_us` are microseconds since 1970 by head office's clock; `_at` are the store's
-- words, RFC 3339. `body` columns are JSON.

-- How the projections of each store were made: another number than the program's means that they are made again.
CREATE TABLE projection (
    store   TEXT PRIMARY KEY,
    version INTEGER NOT NULL
) WITHOUT ROWID;

-- Projection beside `stock`: the event that changed the SKU of a store last. A SKU that is gone keeps its row.
CREATE TABLE sku_changed (
    store TEXT NOT NULL,
    sku   TEXT NOT NULL,
    log   TEXT NOT NULL,
    seq   INTEGER NOT NULL,
    at_us INTEGER NOT NULL, -- when head office stored that event
    PRIMARY KEY (store, sku)
) WITHOUT ROWID;

CREATE INDEX stock_by_sku ON stock (sku, store);

-- What a store says of itself (`state`, `health`), and when anything but events came from it last.
CREATE TABLE store_state (
    store         TEXT PRIMARY KEY,
    state         TEXT NOT NULL, -- online, stopped, offline; unknown until it has said
    boot          TEXT,
    log           TEXT,
    head          INTEGER,
    version       TEXT,
    state_us      INTEGER NOT NULL, -- since when it is in this state, with this boot
    heard_us      INTEGER NOT NULL, -- 0: never yet; not moved by what the broker retains or sends as the will
    health        TEXT, -- the newest `health`
    health_us     INTEGER
) WITHOUT ROWID;

CREATE TABLE device (
    store    TEXT NOT NULL,
    device   TEXT NOT NULL,
    kind     TEXT NOT NULL,
    state    TEXT NOT NULL,
    since_at TEXT NOT NULL,
    body     TEXT NOT NULL, -- the whole `device/{device}`
    at_us    INTEGER NOT NULL,
    PRIMARY KEY (store, device)
) WITHOUT ROWID;

-- Projection: reservations that are open, with what is left of each.
CREATE TABLE reservation (
    store       TEXT NOT NULL,
    reservation TEXT NOT NULL,
    sku         TEXT NOT NULL,
    quantity    INTEGER NOT NULL, -- base units that are left of it
    made        INTEGER NOT NULL, -- base units that it was made for
    order_id    TEXT,
    expires_at  TEXT,
    seq         INTEGER NOT NULL,
    PRIMARY KEY (store, reservation)
) WITHOUT ROWID;

CREATE INDEX reservation_by_sku ON reservation (sku, store);

-- Projection: documents that a store has opened, as they stand.
CREATE TABLE document (
    store      TEXT NOT NULL,
    document   TEXT NOT NULL,
    kind       TEXT NOT NULL, -- receipt, transfer_in, transfer_out, vendor_return, pick
    status     TEXT NOT NULL, -- opened, closed, closed_short, withdrawn
    revision   INTEGER NOT NULL,
    from_place TEXT NOT NULL,
    to_place   TEXT NOT NULL,
    expected   INTEGER NOT NULL, -- base units, summed over the lines of the closing; 0 while it is open
    done       INTEGER NOT NULL,
    damaged    INTEGER NOT NULL,
    over       INTEGER NOT NULL,
    short      INTEGER NOT NULL,
    opened_at  TEXT,
    closed_at  TEXT,
    log        TEXT NOT NULL,
    seq        INTEGER NOT NULL, -- its newest event
    at_us      INTEGER NOT NULL,
    lines      TEXT NOT NULL, -- of the closing, all parts: a list as in `DocumentData.lines`
    PRIMARY KEY (store, document)
) WITHOUT ROWID;

CREATE INDEX document_by_age ON document (at_us);
CREATE INDEX document_sent ON document (at_us) WHERE kind = 'transfer_out';

-- Projection: approved counts. `units_off` is the sum of the sizes of the differences, `units_net` of the differences.
CREATE TABLE counted (
    store             TEXT NOT NULL,
    log               TEXT NOT NULL,
    count_id          TEXT NOT NULL,
    zone              TEXT NOT NULL,
    request           TEXT,
    blind             INTEGER NOT NULL,
    lines_total       INTEGER NOT NULL,
    accuracy_permille INTEGER NOT NULL,
    exact_permille    INTEGER NOT NULL,
    expected          INTEGER NOT NULL,
    counted           INTEGER NOT NULL,
    units_off         INTEGER NOT NULL,
    units_net         INTEGER NOT NULL,
    approved_at       TEXT NOT NULL,
    seq               INTEGER NOT NULL,
    at_us             INTEGER NOT NULL,
    lines             TEXT NOT NULL, -- all parts: a list as in `CountData.lines`
    PRIMARY KEY (store, log, count_id)
) WITHOUT ROWID;

CREATE INDEX counted_by_age ON counted (at_us);

-- Projection: exceptions, and whether somebody settled them (`exception_resolved`, or a movement that `resolves`).
CREATE TABLE exception (
    store       TEXT NOT NULL,
    log         TEXT NOT NULL,
    seq         INTEGER NOT NULL,
    kind        TEXT NOT NULL,
    reason      TEXT NOT NULL,
    sku         TEXT,
    zone        TEXT,
    quantity    INTEGER,
    occurred_at TEXT NOT NULL,
    at_us       INTEGER NOT NULL,
    resolution  TEXT, -- NULL: open
    body        TEXT NOT NULL, -- `data` of the event
    PRIMARY KEY (store, log, seq)
) WITHOUT ROWID;

CREATE INDEX exception_by_age ON exception (at_us);
CREATE INDEX exception_open ON exception (store, kind) WHERE resolution IS NULL;

-- Projection: where tags are, by the movements' `epcs` and openings; one that left a store has no row of it.
CREATE TABLE tag (
    store TEXT NOT NULL,
    epc   TEXT NOT NULL,
    sku   TEXT NOT NULL,
    zone  TEXT NOT NULL,
    seq   INTEGER NOT NULL,
    at_us INTEGER NOT NULL,
    PRIMARY KEY (store, epc)
) WITHOUT ROWID;

CREATE INDEX tag_by_epc ON tag (epc);
CREATE INDEX tag_by_age ON tag (at_us);

-- Projection: what a day brought, per store and kind of movement. `day` is the store's own date (the date of arrival
-- where its clock was suspect).
CREATE TABLE daily (
    store    TEXT NOT NULL,
    day      TEXT NOT NULL, -- 2026-11-26
    kind     TEXT NOT NULL, -- kind of the movement, or the kind of event with it: exception, counted, journal
    events   INTEGER NOT NULL,
    quantity INTEGER NOT NULL, -- base units moved
    PRIMARY KEY (store, day, kind)
) WITHOUT ROWID;

CREATE INDEX daily_by_day ON daily (day);

-- Projection: net sales per day and SKU: sold to customers, less sales taken back; returns are apart. The newest 62 days.
CREATE TABLE sale_day (
    store    TEXT NOT NULL,
    sku      TEXT NOT NULL,
    day      TEXT NOT NULL,
    sold     INTEGER NOT NULL,
    returned INTEGER NOT NULL,
    PRIMARY KEY (store, sku, day)
) WITHOUT ROWID;

CREATE INDEX sale_day_by_day ON sale_day (day);

-- What the tills say they sold, as head office's own systems know it (`jaego-hq pos import`): no projection.
CREATE TABLE pos_total (
    store    TEXT NOT NULL,
    sku      TEXT NOT NULL,
    day      TEXT NOT NULL,
    sold     INTEGER NOT NULL,
    returned INTEGER NOT NULL,
    PRIMARY KEY (store, sku, day)
) WITHOUT ROWID;

-- Days of which totals of the tills are there, and since when.
CREATE TABLE pos_day (
    store TEXT NOT NULL,
    day   TEXT NOT NULL,
    at_us INTEGER NOT NULL,
    PRIMARY KEY (store, day)
) WITHOUT ROWID;

CREATE INDEX pos_day_by_age ON pos_day (at_us);

-- The item master. `revision` counts head office's changes over all items: a store asks for what came after.
CREATE TABLE item (
    sku       TEXT PRIMARY KEY,
    revision  INTEGER NOT NULL,
    name_ko   TEXT,
    name_en   TEXT,
    category  TEXT,
    base_unit TEXT NOT NULL,
    stock_min INTEGER, -- thresholds of the item itself
    stock_max INTEGER,
    deleted   INTEGER NOT NULL,
    body      BLOB NOT NULL -- as it is sent
) WITHOUT ROWID;

CREATE UNIQUE INDEX item_by_revision ON item (revision);
CREATE INDEX item_by_category ON item (category, sku);

CREATE TABLE item_gtin (
    gtin TEXT NOT NULL,
    sku  TEXT NOT NULL,
    PRIMARY KEY (gtin, sku)
) WITHOUT ROWID;

-- Up to which revision items (`catalog`) and documents (`expected`) were published, retained, and when a worker began
-- with the next (0: none has).
CREATE TABLE announced (
    name       TEXT PRIMARY KEY,
    revision   INTEGER NOT NULL,
    claimed_us INTEGER NOT NULL
) WITHOUT ROWID;

-- Rules of alerts. An empty text means all; the most specific row holds (SKU before category before neither, each with
-- its store before without).
CREATE TABLE rule (
    rule     TEXT NOT NULL, -- low_stock, overstock, …
    store    TEXT NOT NULL,
    category TEXT NOT NULL,
    sku      TEXT NOT NULL,
    value    INTEGER, -- in the rule's unit; NULL: the rule's own default, or the item's threshold
    severity TEXT NOT NULL, -- info, warning, critical
    enabled  INTEGER NOT NULL,
    at_us    INTEGER NOT NULL,
    PRIMARY KEY (rule, store, category, sku)
) WITHOUT ROWID;

CREATE INDEX rule_by_age ON rule (at_us);

CREATE TABLE alert (
    id              INTEGER PRIMARY KEY,
    rule            TEXT NOT NULL,
    store           TEXT NOT NULL, -- empty: no one store
    subject         TEXT NOT NULL, -- the SKU, device, EPC, log … that it is about; with rule and store it is one alert
    severity        TEXT NOT NULL,
    state           TEXT NOT NULL, -- open, acknowledged, closed
    facts           TEXT NOT NULL, -- JSON object: the numbers of its text
    first_us        INTEGER NOT NULL,
    last_us         INTEGER NOT NULL,
    times           INTEGER NOT NULL,
    acknowledged_by TEXT,
    acknowledged_us INTEGER,
    note            TEXT,
    better_us       INTEGER, -- since when it is clearly better; closed without it: by hand
    closed_us       INTEGER
);

CREATE UNIQUE INDEX alert_by_subject ON alert (store, subject, rule);
CREATE INDEX alert_by_state ON alert (state, rule);
CREATE INDEX alert_by_acknowledged ON alert (acknowledged_us);
CREATE INDEX alert_by_closed ON alert (closed_us) WHERE closed_us IS NOT NULL;
CREATE INDEX alert_open ON alert (last_us, id) WHERE closed_us IS NULL;
CREATE INDEX alert_better ON alert (rule, better_us) WHERE closed_us IS NULL;
CREATE INDEX alert_by_age ON alert (last_us);

-- Messages about alerts that are still to be delivered to a webhook or topic, at least once each.
CREATE TABLE alert_notice (
    id      INTEGER PRIMARY KEY,
    alert   INTEGER NOT NULL,
    target  TEXT NOT NULL, -- `mqtt`, or the webhook's address; empty: all, the desk makes one of each
    body    TEXT NOT NULL,
    tries   INTEGER NOT NULL,
    at_us   INTEGER NOT NULL,
    next_us INTEGER NOT NULL,
    error   TEXT
);

CREATE INDEX alert_notice_by_time ON alert_notice (target, next_us);

-- Requests to stores, until they are answered or too late.
CREATE TABLE command (
    id          TEXT PRIMARY KEY, -- of the request
    store       TEXT NOT NULL,
    verb        TEXT NOT NULL,
    body        TEXT NOT NULL,
    expires_us  INTEGER NOT NULL,
    status      TEXT NOT NULL, -- waiting, sent, done, refused, expired, unanswered
    response    TEXT,
    asked_by    TEXT NOT NULL,
    at_us       INTEGER NOT NULL,
    sent_us     INTEGER,
    answered_us INTEGER
) WITHOUT ROWID;

CREATE INDEX command_by_store ON command (store, at_us);
CREATE INDEX command_by_status ON command (status, expires_us);

-- Checks of head office against the stores' own figures.
CREATE TABLE data_check (
    id          INTEGER PRIMARY KEY,
    store       TEXT NOT NULL,
    at_us       INTEGER NOT NULL,
    verdict     TEXT NOT NULL, -- equal, repaired, different, not_compared
    reason      TEXT,
    log         TEXT,
    as_of       INTEGER,
    rows_total  INTEGER NOT NULL,
    rows_off    INTEGER NOT NULL,
    units_off   INTEGER NOT NULL,
    levels      INTEGER NOT NULL, -- retained levels that were heard
    levels_off  INTEGER NOT NULL,
    body        TEXT NOT NULL -- differences, at most 100, and what was done
);

CREATE INDEX data_check_by_store ON data_check (store, at_us);
CREATE INDEX data_check_by_age ON data_check (at_us);

-- What the worker is to mend: events of the log from `seq` on are set aside (none is, where `seq` is after the last),
-- projections made again from those before, and the store is asked to send again. Kept until a check has seen it.
CREATE TABLE mending (
    store   TEXT PRIMARY KEY,
    log     TEXT NOT NULL,
    seq     INTEGER NOT NULL,
    at_us   INTEGER NOT NULL,
    done_us INTEGER,
    tables  TEXT, -- JSON list: projections that were not as the events say
    error   TEXT -- why it was not done
) WITHOUT ROWID;

-- Events that were found damaged, and those after them, before the store sends them again. The door through which an
-- event may go: none is deleted but what lies here with the same bytes.
CREATE TABLE event_aside (
    store TEXT NOT NULL,
    log   TEXT NOT NULL,
    seq   INTEGER NOT NULL,
    type  TEXT NOT NULL,
    hash  TEXT NOT NULL,
    body  BLOB NOT NULL,
    at_us INTEGER NOT NULL -- when they were set aside
);

CREATE INDEX event_aside_by_place ON event_aside (store, log, seq);

-- On-demand checks that wait for the desk.
CREATE TABLE check_wanted (
    store TEXT PRIMARY KEY,
    deep  INTEGER NOT NULL, -- 1: every stored event too
    at_us INTEGER NOT NULL
) WITHOUT ROWID;

-- EPCIS capture: how far each store's log was delivered to an address, and the job that is still open.
CREATE TABLE epcis_push (
    target TEXT NOT NULL,
    store  TEXT NOT NULL,
    log    TEXT NOT NULL,
    seq    INTEGER NOT NULL, -- delivered and confirmed up to here
    job    TEXT, -- address of the capture job that is polled
    until  INTEGER, -- seq that this job confirms
    at_us  INTEGER NOT NULL,
    PRIMARY KEY (target, store, log)
) WITHOUT ROWID;

-- Projection: goods between stores, as each store's own movements say: what it sent to a peer, what it received from it.
-- On its way from A to B is what A sent to B less what B received from A.
CREATE TABLE transit (
    store    TEXT NOT NULL,
    peer     TEXT NOT NULL,
    sku      TEXT NOT NULL,
    sent     INTEGER NOT NULL,
    received INTEGER NOT NULL,
    PRIMARY KEY (store, peer, sku)
) WITHOUT ROWID;

CREATE INDEX transit_by_sku ON transit (sku, peer);

-- Who may look at the desk, and act: programs by token, browsers by a login that a token opened. Hashes only.
CREATE TABLE token (
    name    TEXT PRIMARY KEY,
    role    TEXT NOT NULL, -- view, act
    digest  BLOB NOT NULL UNIQUE, -- SHA-256
    made_us INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE login (
    digest   BLOB PRIMARY KEY,
    token    TEXT NOT NULL,
    until_us INTEGER NOT NULL
) WITHOUT ROWID;
