-- References to secrets of the team that messages of a webhook are made with: what signs them, and headers by name.
ALTER TABLE channels
    ADD COLUMN signing_secret text  NOT NULL DEFAULT '',
    ADD COLUMN headers        jsonb NOT NULL DEFAULT '{}';
