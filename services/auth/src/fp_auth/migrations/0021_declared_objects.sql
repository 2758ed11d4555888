-- From which set of files an object was applied: a set deletes what it no longer declares, and nothing of another one.
CREATE TABLE declared_objects (
    team text NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    set_name text NOT NULL,
    applied_by text NOT NULL,
    applied_at timestamptz NOT NULL,
    PRIMARY KEY (team, kind, name)
);
CREATE INDEX declared_objects_of_set ON declared_objects (team, set_name, kind, name);

-- Who applies a team's files records it.
UPDATE roles SET scopes = scopes || ARRAY['teams:read', 'teams:write'] WHERE name = 'engineer';
