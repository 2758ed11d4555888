-- A price is for so many units: a token that costs less than a millionth has a price per million.
ALTER TABLE rates ADD COLUMN per_units bigint NOT NULL DEFAULT 1 CHECK (per_units > 0);
ALTER TABLE invoice_lines ADD COLUMN per_units bigint NOT NULL DEFAULT 1 CHECK (per_units > 0);
