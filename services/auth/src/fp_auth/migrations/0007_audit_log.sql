-- The audit log: entries in one chain a day (UTC), each bound to the one before it by an HMAC.

CREATE TABLE audit_days (
    day date PRIMARY KEY,
    -- The head of the day before: a day that is taken away breaks the one after it.
    seed bytea NOT NULL CHECK (octet_length(seed) = 32),
    -- MAC of the newest entry; the seed while there is none.
    head bytea NOT NULL CHECK (octet_length(head) = 32),
    entries bigint NOT NULL DEFAULT 0
);

CREATE TABLE audit_entries (
    day date NOT NULL,
    number bigint NOT NULL CHECK (number > 0),
    id uuid NOT NULL,
    occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    team text NOT NULL,
    service text NOT NULL,
    method text NOT NULL,
    actor_id text NOT NULL,
    actor_role text NOT NULL,
    api_key_id text NOT NULL,
    status text NOT NULL,
    resource_id text NOT NULL,
    -- HMAC of the network address under the person's key; empty when the address was not known.
    address bytea NOT NULL,
    suppressed bigint NOT NULL,
    correlation_id text NOT NULL,
    mac bytea NOT NULL CHECK (octet_length(mac) = 32),
    PRIMARY KEY (day, number)
) PARTITION BY RANGE (day);

CREATE INDEX audit_entries_of_team ON audit_entries (team, day, number);
CREATE INDEX audit_entries_of_team_by_method ON audit_entries (team, method, day, number);
CREATE INDEX audit_entries_of_actor ON audit_entries (actor_id, day, number);
CREATE INDEX audit_entries_of_resource ON audit_entries (resource_id, day, number);

-- Whoever may change rows as the service does may not change these. A superuser may: the chain shows it.
CREATE FUNCTION audit_entries_are_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'entries of the audit log are neither changed nor deleted';
END
$$;

CREATE TRIGGER audit_entries_are_final BEFORE UPDATE OR DELETE ON audit_entries
FOR EACH ROW EXECUTE FUNCTION audit_entries_are_final();

CREATE TRIGGER audit_entries_stay BEFORE TRUNCATE ON audit_entries
FOR EACH STATEMENT EXECUTE FUNCTION audit_entries_are_final();

-- The key under which a person's addresses are digested. Deleting it is the erasure: what was digested cannot be
-- compared with any address again.
CREATE TABLE audit_address_keys (
    person text PRIMARY KEY,
    key bytea NOT NULL CHECK (octet_length(key) = 32),
    created_at timestamptz NOT NULL
);

CREATE INDEX audit_address_keys_of_nobody ON audit_address_keys (created_at) WHERE person LIKE 'nobody:%';
