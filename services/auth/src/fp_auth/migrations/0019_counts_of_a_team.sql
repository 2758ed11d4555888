-- What counts for the limits of a team is counted from an index alone: a team of 5,000 people was 5,000 looks into the
-- table, while the row of the team was locked.
CREATE INDEX users_living ON users (team) WHERE deleted_at IS NULL;
CREATE INDEX api_keys_unrevoked ON api_keys (team, expires_at) WHERE revoked_at IS NULL;

DROP INDEX api_keys_living;
