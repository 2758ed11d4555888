-- Corrections of months: signed entries that never change. month: the one that is corrected. invoiced_in: the month on
-- whose invoice the entry stands, since a final invoice of the corrected month takes nothing more.
CREATE TABLE adjustments (
    id            uuid        PRIMARY KEY,
    team          text        NOT NULL,
    month         date        NOT NULL,
    invoiced_in   date        NOT NULL,
    amount_micros bigint      NOT NULL CHECK (amount_micros <> 0),
    currency      text        NOT NULL,
    reason        text        NOT NULL CHECK (reason <> ''),
    created_by    text        NOT NULL,
    created_at    timestamptz NOT NULL
);

CREATE INDEX adjustments_of_team ON adjustments (team, id);
CREATE INDEX adjustments_of_invoice ON adjustments (team, invoiced_in);

-- Which entries an invoice shows: an invoice that took the place of a void one shows those of the void one too. The code
-- before this file writes invoices without entries; the next look of this code completes its drafts.
CREATE TABLE invoice_adjustments (
    invoice_id    uuid NOT NULL REFERENCES invoices (id),
    adjustment_id uuid NOT NULL REFERENCES adjustments (id),
    PRIMARY KEY (invoice_id, adjustment_id)
);

-- What inference says it recorded, and what was metered of it: units by day of UTC, by the time of the answer. Each batch
-- of predictions changes a row, so there is room for that in its page. settled: the sides were equal after the day's end.
CREATE TABLE reconciled_days (
    team       text COLLATE "C" NOT NULL,
    day        date             NOT NULL,
    meter      text COLLATE "C" NOT NULL,
    recorded   bigint           NOT NULL,
    billed     bigint           NOT NULL,
    repeated   bigint           NOT NULL,
    unrecorded bigint           NOT NULL,
    settled    boolean          NOT NULL DEFAULT false,
    PRIMARY KEY (team, day, meter)
) WITH (fillfactor = 50);

CREATE INDEX reconciled_days_unsettled ON reconciled_days (day, team, meter) WHERE NOT settled;
CREATE INDEX reconciled_days_by_age ON reconciled_days (day);
