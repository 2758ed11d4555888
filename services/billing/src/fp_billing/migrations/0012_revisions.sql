-- What an assignment of a plan expects (ADR 0209): grows with each. 0 for a team that was put on none, which usage may have
-- given its account, and for one that code of before has put on its plan.
ALTER TABLE accounts ADD COLUMN revision bigint NOT NULL DEFAULT 0;
