-- What was metered and is not told yet, summed: a row leaves with its event. So events of usage are as many as there are
-- models in use, however many predictions; and what the bus does not take grows no row.
CREATE TABLE usage_untold (
    team          text COLLATE "C" NOT NULL,
    meter         text COLLATE "C" NOT NULL,
    model_id      text COLLATE "C" NOT NULL,
    model_version text COLLATE "C" NOT NULL,
    rate_plan_id  uuid             NOT NULL,
    day           date             NOT NULL,
    id            uuid             NOT NULL,
    quantity      numeric          NOT NULL,
    cost_micros   numeric          NOT NULL,
    currency      text             NOT NULL,
    facts         bigint           NOT NULL,
    first_at      timestamptz      NOT NULL,
    last_at       timestamptz      NOT NULL,
    PRIMARY KEY (team, meter, model_id, model_version, rate_plan_id, day)
) WITH (fillfactor = 50);
