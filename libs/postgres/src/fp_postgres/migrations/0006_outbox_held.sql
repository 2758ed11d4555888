-- What the bus does not take at present: the stream, or the stream and the resource, whose event was refused. Such rows
-- are in no index that the relay reads for everything else.
alter table fp_outbox add column held text collate "C";
