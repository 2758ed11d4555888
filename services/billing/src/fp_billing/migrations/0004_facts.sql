-- One row a metered fact. Its key is what was counted and of what; before, both were joined to one text, so that a
-- request named `x:tokens` and the tokens of `x` were one fact and one of them was never charged.
--
-- month: of the time in the source's id (UUIDv7), else 1970-01-01, `undated`. It follows from the source alone, so that
-- the key is unique over all months, and old months are dropped whole. The service makes months ahead of their time.
CREATE TABLE usage_facts (
    team           text COLLATE "C" NOT NULL,
    meter          text COLLATE "C" NOT NULL,
    source_id      text COLLATE "C" NOT NULL,
    month          date             NOT NULL,
    id             uuid             NOT NULL,
    rate_plan_id   uuid             NOT NULL,
    quantity       bigint           NOT NULL CHECK (quantity >= 0),
    billable       bigint           NOT NULL CHECK (billable BETWEEN 0 AND quantity),
    cost_micros    bigint           NOT NULL CHECK (cost_micros >= 0),
    currency       text             NOT NULL,
    model_id       text             NOT NULL,
    model_version  text             NOT NULL,
    occurred_at    timestamptz      NOT NULL,
    correlation_id text             NOT NULL,
    recorded_at    timestamptz      NOT NULL DEFAULT now(),
    PRIMARY KEY (team, meter, source_id, month)
) PARTITION BY RANGE (month);

CREATE TABLE usage_facts_undated PARTITION OF usage_facts FOR VALUES FROM (MINVALUE) TO ('2000-01-01');

-- Undated facts go by the time of their record: rows arrive in that order, a few pages of summary find the old ones.
CREATE INDEX usage_facts_undated_recorded ON usage_facts_undated
    USING brin (recorded_at) WITH (pages_per_range = 32, autosummarize = on);

-- The code before this file goes on to write `usage`, whose facts the new code knows; it does not know the new facts, so
-- that the table refuses them for it: the event comes again, to a replica that knows.
CREATE FUNCTION usage_refuse_known() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM usage_facts f
               WHERE f.team = NEW.team AND f.meter = NEW.meter AND f.source_id = NEW.source_id) THEN
        RAISE unique_violation USING MESSAGE = 'the fact is metered in usage_facts';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER usage_known BEFORE INSERT ON usage FOR EACH ROW EXECUTE FUNCTION usage_refuse_known();
