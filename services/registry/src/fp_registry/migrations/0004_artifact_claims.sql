-- Contents below sha256/ that no version has, or none yet: whoever is about to store one claims it first, and what stays
-- unclaimed is deleted. A row is short-lived; see app/delete_contents.py and ADR 0155.
CREATE TABLE artifact_claims (
    key           text        PRIMARY KEY,
    -- Until then somebody may be storing it; of a doomed one, until then its deletion is not tried again.
    claimed_until timestamptz NOT NULL,
    -- It is being deleted, and nobody may claim it.
    doomed        boolean     NOT NULL DEFAULT false
);

CREATE INDEX artifact_claims_due ON artifact_claims (claimed_until);
