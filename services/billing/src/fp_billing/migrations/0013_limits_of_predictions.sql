-- What a team may predict a second and at once; 0 is no limit.
ALTER TABLE rate_plans ADD COLUMN predictions_per_second bigint NOT NULL DEFAULT 0 CHECK (predictions_per_second >= 0);
ALTER TABLE rate_plans ADD COLUMN predictions_in_flight bigint NOT NULL DEFAULT 0 CHECK (predictions_in_flight >= 0);
