-- Predictions that were dropped before they were read.
CREATE TABLE gaps (
    stream text NOT NULL,
    -- Numbers of the dropped messages in the stream, and when they were published; since NULL where it is not known.
    first_message bigint NOT NULL,
    last_message bigint NOT NULL,
    since timestamptz,
    until timestamptz NOT NULL,
    -- A stream that was made anew begins its numbers again.
    noticed_at timestamptz NOT NULL,
    PRIMARY KEY (noticed_at, stream, first_message)
);

ALTER TABLE reports
    ADD COLUMN gap_since timestamptz,
    ADD COLUMN gap_until timestamptz,
    ADD COLUMN inconclusive boolean NOT NULL DEFAULT false;
