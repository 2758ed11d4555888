-- Which key made a key: revoking it ends what was made with it. NULL when a person made it.
ALTER TABLE api_keys ADD COLUMN created_by_key uuid REFERENCES api_keys (id);

CREATE INDEX api_keys_made_by_key ON api_keys (created_by_key) WHERE created_by_key IS NOT NULL;

-- Managing keys asks for a permission from now on, so that a key for predictions alone cannot; people have it.
UPDATE roles SET scopes = scopes || ARRAY['api-keys:read', 'api-keys:write'] WHERE name IN ('engineer', 'viewer');
