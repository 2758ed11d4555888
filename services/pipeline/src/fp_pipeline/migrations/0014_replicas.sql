-- How many runtimes of the version run; where to add more by itself, at which share of the processor time that they ask
-- for. Code that does not know it starts one.
ALTER TABLE deployments
    ADD COLUMN min_replicas smallint NOT NULL DEFAULT 1 CHECK (min_replicas BETWEEN 1 AND 64),
    ADD COLUMN max_replicas smallint NOT NULL DEFAULT 1 CHECK (max_replicas BETWEEN 1 AND 64),
    ADD COLUMN target_percent smallint NOT NULL DEFAULT 70 CHECK (target_percent BETWEEN 1 AND 100);
