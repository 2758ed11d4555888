-- What a key may have predicted a second and at once; 0 is no limit of its own.
ALTER TABLE api_keys
    ADD COLUMN predictions_per_second integer NOT NULL DEFAULT 0 CHECK (predictions_per_second >= 0),
    ADD COLUMN predictions_in_flight integer NOT NULL DEFAULT 0 CHECK (predictions_in_flight >= 0);
