-- Logged predictions hold what people sent: engineers may read them, viewers may not (ADR 0225).

UPDATE roles SET scopes = scopes || ARRAY['predictions:read'] WHERE name = 'engineer';
