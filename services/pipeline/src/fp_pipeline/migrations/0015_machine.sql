-- What each runtime of the version asks for, where its step says it. Code that does not know it asks for the usual.
ALTER TABLE deployments ADD COLUMN machine jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(machine) = 'object');
