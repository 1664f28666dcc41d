-- SQLite only: when head office stored an event and moved a position (microseconds since 1970; 0: before this step).
ALTER TABLE event ADD COLUMN at_us INTEGER NOT NULL DEFAULT 0;
ALTER TABLE position ADD COLUMN at_us INTEGER NOT NULL DEFAULT 0;
CREATE INDEX position_by_age ON position (at_us);

-- An event goes only after it was set aside (`headoffice/mending.py`).
DROP TRIGGER event_is_never_deleted;
CREATE TRIGGER event_is_never_deleted BEFORE DELETE ON event
WHEN NOT EXISTS (
    SELECT 1 FROM event_aside AS aside
    WHERE aside.store = OLD.store AND aside.log = OLD.log AND aside.seq = OLD.seq AND aside.body = OLD.body
)
BEGIN
    SELECT RAISE(ABORT, 'what a store wrote is never deleted');
END;
