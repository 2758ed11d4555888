-- A period has one invoice that holds, and as many void ones as were taken back.
CREATE UNIQUE INDEX invoices_holding ON invoices (team, starts_at) WHERE status <> 'VOID';

ALTER TABLE invoices DROP CONSTRAINT invoices_period;
