-- Predictions are dropped by the day of their request id, and the labelled rows of open windows have a table of their own.

-- Not a part of the new table: ids from before had no time in them. A label that is not found in the new table moves its
-- prediction from here; the others go in bites. The code before goes on with the new table of the same name.
ALTER TABLE predictions RENAME TO predictions_before;
ALTER INDEX predictions_pkey RENAME TO predictions_before_pkey;
ALTER INDEX predictions_of_window RENAME TO predictions_before_of_window;
ALTER INDEX predictions_by_age RENAME TO predictions_before_by_age;

CREATE TABLE predictions (
    team text NOT NULL,
    model_name text NOT NULL,
    request_id text NOT NULL,
    version text NOT NULL,
    predicted_at timestamptz NOT NULL,
    score double precision,
    label text NOT NULL,
    probabilities double precision[],
    actual text,
    observed_at timestamptz,
    labelled_at timestamptz,
    -- Of the code before, which kept the place of a labelled row in its window here.
    window_id uuid,
    place integer,
    PRIMARY KEY (team, model_name, request_id)
) PARTITION BY RANGE (request_id);

-- Ids without a day in them; deleted in bites.
CREATE TABLE predictions_undated PARTITION OF predictions DEFAULT;
CREATE INDEX predictions_undated_by_age ON predictions_undated (predicted_at);

-- What open windows of labels hold: at most some ten thousand rows each, which go when the window is judged.
CREATE TABLE outcomes (
    window_id uuid NOT NULL REFERENCES windows (id) ON DELETE CASCADE,
    -- Of the label in its window.
    place integer NOT NULL,
    score double precision,
    label text NOT NULL,
    actual text NOT NULL,
    probabilities double precision[],
    PRIMARY KEY (window_id, place)
);

INSERT INTO outcomes (window_id, place, score, label, actual, probabilities)
SELECT p.window_id, p.place, p.score, p.label, p.actual, p.probabilities
FROM windows w JOIN predictions_before p ON p.window_id = w.id
WHERE w.kind = 'PERFORMANCE' AND p.actual IS NOT NULL AND p.place IS NOT NULL
ON CONFLICT DO NOTHING;

-- Monitors that were deleted, whose predictions go in the background, in the order of their ids.
CREATE TABLE deletions (
    team text NOT NULL,
    model_name text NOT NULL,
    -- Predictions that are newer belong to a monitor that was made later.
    deleted_at timestamptz NOT NULL,
    position text NOT NULL DEFAULT '',
    PRIMARY KEY (team, model_name)
);

ALTER TABLE monitors
    -- When labels last came, for which predictions are kept.
    ADD COLUMN labels_at timestamptz,
    -- The report that asked for a retraining, and the execution that answered it.
    ADD COLUMN retrain_report_id text NOT NULL DEFAULT '',
    ADD COLUMN retrain_execution_id text NOT NULL DEFAULT '';
-- Whether labels come for what is watched already is not known: it counts as if they did until now.
UPDATE monitors SET labels_at = greatest(updated_at, last_event_at);

-- Labels come for versions that are served no longer: a window a version. Without one: made by the code before.
ALTER TABLE windows ADD COLUMN version text NOT NULL DEFAULT '';
UPDATE windows w SET version = m.served_version FROM monitors m WHERE m.id = w.monitor_id;
ALTER TABLE windows DROP CONSTRAINT windows_monitor_id_kind_key, ADD UNIQUE (monitor_id, kind, version);

-- How many of a report's samples could be judged; without one for reports of the code before.
ALTER TABLE reports ADD COLUMN judged integer;
