CREATE TABLE invoices (
    id           uuid        PRIMARY KEY,
    team         text        NOT NULL,
    starts_at    timestamptz NOT NULL,
    rate_plan_id uuid        NOT NULL REFERENCES rate_plans (id),
    status       text        NOT NULL CHECK (status IN ('DRAFT', 'FINALIZED', 'PAID', 'OVERDUE', 'VOID')),
    number       bigint      CHECK (number > 0),
    currency     text        NOT NULL,
    total_micros numeric     NOT NULL,
    created_at   timestamptz NOT NULL,
    finalized_at timestamptz,
    due_at       timestamptz,
    CONSTRAINT invoices_period UNIQUE (team, starts_at),
    CONSTRAINT invoices_number UNIQUE (number),
    CONSTRAINT invoices_draft_has_no_number CHECK ((status = 'DRAFT') = (number IS NULL))
);

-- Lists go from the newest id down.
CREATE INDEX invoices_of_team ON invoices (team, id);
CREATE INDEX invoices_by_status ON invoices (team, status, id);

CREATE TABLE invoice_lines (
    invoice_id    uuid    NOT NULL REFERENCES invoices (id),
    position      integer NOT NULL,
    meter         text    NOT NULL,
    rate_plan_id  uuid    NOT NULL REFERENCES rate_plans (id),
    quantity      numeric NOT NULL,
    billable      numeric NOT NULL,
    price_micros  bigint  NOT NULL,
    amount_micros numeric NOT NULL,
    PRIMARY KEY (invoice_id, position)
);

-- The last number given. A sequence would lose numbers to transactions that fail; the lock of this row does not.
CREATE TABLE invoice_numbers (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    last     bigint  NOT NULL
);

INSERT INTO invoice_numbers (last) VALUES (0);
