-- The write side. A model is the root of its versions: whoever changes one of them holds the model's row lock, raises
-- models.revision by one and writes the same number to the versions it changed. That one number orders everything that
-- readers see of a model.

CREATE TABLE models (
    id           uuid        PRIMARY KEY,
    team         text        NOT NULL CHECK (team <> ''),
    name         text        NOT NULL CHECK (name <> ''),
    description  text        NOT NULL,
    owner_id     text        NOT NULL,
    framework    text        NOT NULL,
    task_type    text        NOT NULL,
    tags         jsonb       NOT NULL,
    revision     bigint      NOT NULL CHECK (revision > 0),
    versions     bigint      NOT NULL CHECK (versions >= 0),
    next_number  bigint      NOT NULL CHECK (next_number > 0),
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    archived_at  timestamptz,
    -- A name stays taken after its model is archived.
    CONSTRAINT models_name UNIQUE (team, name),
    CONSTRAINT models_of_team UNIQUE (team, id)
);

-- Lists go from the newest id down; each filter has an index that ends in it.
CREATE INDEX models_by_framework ON models (team, framework, id);
CREATE INDEX models_by_task_type ON models (team, task_type, id);
CREATE INDEX models_by_both ON models (team, framework, task_type, id);
CREATE INDEX models_by_tag ON models USING gin (tags jsonb_path_ops);

CREATE TABLE versions (
    id               uuid        PRIMARY KEY,
    team             text        NOT NULL,
    model_id         uuid        NOT NULL,
    version          text        NOT NULL CHECK (version <> ''),
    ordinal          bigint      NOT NULL CHECK (ordinal > 0),
    description      text        NOT NULL,
    stage            text        NOT NULL CHECK (stage IN ('DEV', 'STAGING', 'PRODUCTION', 'ARCHIVED')),
    status           text        NOT NULL CHECK (status IN ('PENDING_UPLOAD', 'READY', 'FAILED')),
    artifact_path    text        NOT NULL,
    artifact_digest  text        NOT NULL,
    size_bytes       bigint      NOT NULL CHECK (size_bytes >= 0),
    metrics          jsonb       NOT NULL,
    -- forgepoint.common.v1.Signature and BaselineProfile as they came; empty when none was given.
    signature        bytea       NOT NULL,
    baseline_profile bytea       NOT NULL CHECK (octet_length(baseline_profile) <= 262144),
    run_id           text        NOT NULL,
    failure_reason   text        NOT NULL,
    created_by       text        NOT NULL,
    created_at       timestamptz NOT NULL,
    revision         bigint      NOT NULL CHECK (revision > 0),
    CONSTRAINT versions_model FOREIGN KEY (team, model_id) REFERENCES models (team, id),
    CONSTRAINT versions_name UNIQUE (team, model_id, version),
    CONSTRAINT versions_ordinal UNIQUE (team, model_id, ordinal),
    CONSTRAINT versions_served_is_ready CHECK (stage IN ('DEV', 'ARCHIVED') OR status = 'READY'),
    CONSTRAINT versions_ready_is_measured CHECK (status <> 'READY' OR artifact_digest <> '')
);

CREATE UNIQUE INDEX versions_one_production ON versions (team, model_id) WHERE stage = 'PRODUCTION';
CREATE INDEX versions_by_stage ON versions (team, model_id, stage, ordinal);
-- What changed after a revision: how the projection catches up.
CREATE INDEX versions_by_revision ON versions (team, model_id, revision);

-- Who was in PRODUCTION from when until when.
CREATE TABLE production_tenures (
    team        text        NOT NULL,
    model_id    uuid        NOT NULL,
    number      bigint      NOT NULL CHECK (number > 0),
    version_id  uuid        NOT NULL REFERENCES versions (id),
    version     text        NOT NULL,
    started_at  timestamptz NOT NULL,
    ended_at    timestamptz CHECK (ended_at >= started_at),
    promoted_by text        NOT NULL,
    CONSTRAINT production_tenures_key PRIMARY KEY (team, model_id, number),
    CONSTRAINT production_tenures_model FOREIGN KEY (team, model_id) REFERENCES models (team, id)
);

CREATE UNIQUE INDEX production_tenures_one_lasts ON production_tenures (team, model_id) WHERE ended_at IS NULL;
