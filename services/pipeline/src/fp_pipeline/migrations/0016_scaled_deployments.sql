-- Somebody changed how many runtimes a live version has, and what runs may not follow yet. trim_at: what is too much has
-- had no new calls since its addresses were taken back, and ends then. Code that does not know them announces whatever runs.
ALTER TABLE deployments
    ADD COLUMN scaling boolean NOT NULL DEFAULT false,
    ADD COLUMN trim_at timestamptz;
