-- SQLite only: when head office stored an event and moved a position (microseconds since 1970; 0: before this step).
ALTER TABLE event ADD COLUMN at_us INTEGER NOT NULL DEFAULT 0;
ALTER TABLE position ADD COLUMN at_us INTEGER NOT NULL DEFAULT 0;
CREATE INDEX position_by_age ON position (at_us);
