-- How an invoice ended: paid or void, who said so, and the payment or the reason.
ALTER TABLE invoices
    ADD COLUMN settled_at timestamptz,
    ADD COLUMN settled_by text NOT NULL DEFAULT '',
    ADD COLUMN note       text NOT NULL DEFAULT '',
    ADD CONSTRAINT invoices_settled CHECK ((status IN ('PAID', 'VOID')) = (settled_at IS NOT NULL));

-- What the schedule looks for; an invoice leaves it when it is paid, void or overdue.
CREATE INDEX invoices_due ON invoices (due_at) WHERE status = 'FINALIZED';
