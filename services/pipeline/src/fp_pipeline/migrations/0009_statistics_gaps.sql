-- Events that the bus dropped before they were counted: a version may not be judged by what is left of them.

CREATE TABLE statistics_gaps (
    consumer text NOT NULL,
    -- When the dropped events were sent: not before, and not after.
    since timestamptz NOT NULL,
    until timestamptz NOT NULL,
    events bigint NOT NULL,
    PRIMARY KEY (consumer, until, since)
);
