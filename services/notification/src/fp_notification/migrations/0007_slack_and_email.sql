-- Two more ways to reach a recipient.
ALTER TABLE channels
    DROP CONSTRAINT channels_channel_check,
    ADD CONSTRAINT channels_channel_check CHECK (channel IN ('IN_APP', 'WEBHOOK', 'SLACK', 'EMAIL'));
