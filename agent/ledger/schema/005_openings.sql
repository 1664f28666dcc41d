-- Where openings begin that were written in the midst of a log: up to one of them it may be pruned. Not a projection:
-- what is missing here is only found nowhere, and the next one is written when it is due.
CREATE TABLE opening (
    seq INTEGER PRIMARY KEY
);
