-- What a team has to be metered for, in the order of its months: one look a team finds who has something, and a team with
-- a million versions pays them in bites. By month first, a bite of one team read what all the others had unpaid.
CREATE INDEX stored_versions_unpaid_of_team ON stored_versions (team, paid_for) WHERE paid_for < last_month;

DROP INDEX stored_versions_unpaid;
