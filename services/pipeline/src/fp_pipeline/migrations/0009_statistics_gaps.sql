-- Events that the bus dropped before they were counted: a version may not be judged by what is left of them.

CREATE TABLE statistics_gaps (
    consumer text NOT NULL,
    -- When the bus got the last event that was dropped, or the first one behind the gap.
    until timestamptz NOT NULL,
    -- When it got the last event before the gap; NULL when nobody knows.
    since timestamptz,
    events bigint NOT NULL,
    PRIMARY KEY (consumer, until)
);
