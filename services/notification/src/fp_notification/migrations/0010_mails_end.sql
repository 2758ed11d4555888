-- Not sent later: the link in the mail is worth nothing by then. NULL for mails of before.
ALTER TABLE mails ADD COLUMN expires_at timestamptz;
