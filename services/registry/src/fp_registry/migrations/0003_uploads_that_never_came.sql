-- Versions whose artifact never came are failed after some days; see app/expire_uploads.py.
CREATE INDEX versions_pending ON versions (created_at) WHERE status = 'PENDING_UPLOAD' AND stage <> 'ARCHIVED';
