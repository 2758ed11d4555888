-- Registrations that wait are counted: anybody may ask for one.
CREATE INDEX invitations_to_oneself ON invitations (expires_at) WHERE invited_by = '' AND accepted_at IS NULL;
