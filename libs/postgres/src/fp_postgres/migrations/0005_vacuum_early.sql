-- At a hundred million rows the server's own measure, a fifth of the table, would come once in weeks.
alter table fp_outbox set (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_insert_scale_factor = 0.05);
alter table fp_inbox set (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_insert_scale_factor = 0.05);
alter table fp_commands set (autovacuum_vacuum_scale_factor = 0.01);
