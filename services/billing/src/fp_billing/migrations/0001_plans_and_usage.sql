-- Everything of a team is changed under the row lock of its account: pricing reads what was used before, and the quota
-- is crossed by one record. Amounts are millionths of the plan's currency.

CREATE TABLE rate_plans (
    id         uuid        PRIMARY KEY,
    name       text        NOT NULL CHECK (name <> ''),
    currency   text        NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    created_at timestamptz NOT NULL,
    created_by text        NOT NULL,
    CONSTRAINT rate_plans_name UNIQUE (name)
);

-- A plan never changes: what was priced by it stays explained by it.
CREATE TABLE rates (
    rate_plan_id uuid   NOT NULL REFERENCES rate_plans (id),
    meter        text   NOT NULL CHECK (meter <> ''),
    price_micros bigint NOT NULL CHECK (price_micros >= 0),
    included     bigint NOT NULL CHECK (included >= 0),
    quota        bigint NOT NULL CHECK (quota >= 0),
    PRIMARY KEY (rate_plan_id, meter)
);

INSERT INTO rate_plans (id, name, currency, created_at, created_by)
VALUES ('01909eb0-0000-7000-8000-000000000001', 'default', 'USD', '2024-07-11T00:00:00Z', 'billing');

INSERT INTO rates (rate_plan_id, meter, price_micros, included, quota)
VALUES ('01909eb0-0000-7000-8000-000000000001', 'INFERENCE_REQUEST', 100, 10000, 0),
       ('01909eb0-0000-7000-8000-000000000001', 'INFERENCE_TOKENS', 2, 100000, 0),
       ('01909eb0-0000-7000-8000-000000000001', 'COMPUTE_SECONDS', 50, 3600, 0),
       ('01909eb0-0000-7000-8000-000000000001', 'STORAGE_BYTES', 0, 0, 0);

-- A team as billing knows it, from its first usage or plan on.
CREATE TABLE accounts (
    team         text        PRIMARY KEY CHECK (team <> ''),
    rate_plan_id uuid        NOT NULL REFERENCES rate_plans (id),
    assigned_by  text        NOT NULL,
    assigned_at  timestamptz NOT NULL
);

-- A team in a month. told: meters whose exceeded quota was told. drafted: the draft invoice has everything.
CREATE TABLE periods (
    team         text        NOT NULL REFERENCES accounts (team),
    starts_at    timestamptz NOT NULL,
    rate_plan_id uuid        NOT NULL REFERENCES rate_plans (id),
    told         text[]      NOT NULL,
    drafted      boolean     NOT NULL,
    closed       boolean     NOT NULL,
    PRIMARY KEY (team, starts_at)
);

CREATE INDEX periods_open ON periods (starts_at, team) WHERE NOT closed;

-- One row a metered fact, for ever: its key is why a fact is never metered twice. No foreign keys and no second index:
-- this is the hot path, and everything that is summed is summed from usage_days.
CREATE TABLE usage (
    team           text COLLATE "C" NOT NULL,
    usage_key      text COLLATE "C" NOT NULL,
    id             uuid             NOT NULL,
    rate_plan_id   uuid             NOT NULL,
    meter          text             NOT NULL,
    quantity       bigint           NOT NULL CHECK (quantity >= 0),
    billable       bigint           NOT NULL CHECK (billable BETWEEN 0 AND quantity),
    cost_micros    bigint           NOT NULL CHECK (cost_micros >= 0),
    currency       text             NOT NULL,
    source_id      text             NOT NULL,
    model_id       text             NOT NULL,
    model_version  text             NOT NULL,
    occurred_at    timestamptz      NOT NULL,
    correlation_id text             NOT NULL,
    recorded_at    timestamptz      NOT NULL DEFAULT now(),
    PRIMARY KEY (team, usage_key)
);

-- The sums of usage by day of UTC. A day's row is updated all day: room for that in its page.
CREATE TABLE usage_days (
    team         text    NOT NULL,
    day          date    NOT NULL,
    meter        text    NOT NULL,
    rate_plan_id uuid    NOT NULL,
    quantity     numeric NOT NULL,
    billable     numeric NOT NULL,
    cost_micros  numeric NOT NULL,
    PRIMARY KEY (team, day, meter, rate_plan_id)
) WITH (fillfactor = 50);
