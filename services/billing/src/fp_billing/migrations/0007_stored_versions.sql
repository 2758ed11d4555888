-- Artifacts that are kept. paid_for: first day of the last month for which the version's bytes were metered. last_month:
-- of the last month that counts, the one in which its model was archived. Versions that were metered before this file
-- were metered once for all and are not in it.
CREATE TABLE stored_versions (
    team          text COLLATE "C" NOT NULL,
    version_id    text COLLATE "C" NOT NULL,
    model_id      text COLLATE "C" NOT NULL,
    model_version text             NOT NULL,
    size_bytes    bigint           NOT NULL CHECK (size_bytes >= 0),
    paid_for      date             NOT NULL,
    last_month    date             NOT NULL DEFAULT 'infinity',
    PRIMARY KEY (team, version_id)
);

-- What a new month is metered for, and what an archived model ends.
CREATE INDEX stored_versions_unpaid ON stored_versions (paid_for, team) WHERE paid_for < last_month;
CREATE INDEX stored_versions_of_model ON stored_versions (team, model_id);

-- A version may become ready after its model was archived: events of two resources come in any order.
CREATE TABLE archived_models (
    team     text COLLATE "C" NOT NULL,
    model_id text COLLATE "C" NOT NULL,
    month    date             NOT NULL,
    PRIMARY KEY (team, model_id)
);
