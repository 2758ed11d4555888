-- The operator of the platform, apart from the admin of a team. He is an admin of his team with a mark, so that code that
-- does not know the mark finds the admin that he was; the mark counts only beside the role admin.
ALTER TABLE users ADD COLUMN operator boolean NOT NULL DEFAULT false;

INSERT INTO roles (name, scopes) VALUES ('operator', ARRAY['*:*', 'platform:admin']);

CREATE INDEX operators ON users (id) WHERE operator AND role = 'admin';
CREATE INDEX admins_of_team ON users (team, id) WHERE role = 'admin';

-- Until now any admin could act on every team. One of them goes on: the first of the team of the platform, or where the
-- installation was begun in another team, the first of all; ids begin with their time.
UPDATE users SET operator = true
WHERE id = (SELECT id FROM users WHERE role = 'admin' ORDER BY team <> 'platform', id LIMIT 1);
