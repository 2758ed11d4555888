-- Whether other models of the team may be in the runtime's process. Code that does not know it starts a process for each.
ALTER TABLE deployments ADD COLUMN shared boolean NOT NULL DEFAULT false;
