-- Two indexes began with the same columns, and which one a statement used was chance.
ALTER TABLE log_files DROP CONSTRAINT log_files_pkey, ADD PRIMARY KEY (team, model_name, last_at, name);
DROP INDEX log_files_newest_first;
