-- Keys that a person has enrolled, and those that they replaced. The newest of a store signs its next log.
CREATE TABLE enrolled_key (
    store TEXT NOT NULL,
    key   TEXT NOT NULL, -- Ed25519, public, hexadecimal
    at_us INTEGER NOT NULL, -- microseconds since 1970; 0: of the log that was followed when another was enrolled
    PRIMARY KEY (store, key)
) WITHOUT ROWID;
