-- Promotions of one moment are told apart by their model: paged by time alone, all but the first page's were skipped.

CREATE INDEX promotions_unended ON promotions (promoted_at, team, model_name) WHERE state IN ('WATCHED', 'ROLLING_BACK');
DROP INDEX promotions_open;
