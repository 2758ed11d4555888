-- The roles. A change is a new migration: tokens carry the scopes of their role as it was when they were issued.

INSERT INTO roles (name, scopes) VALUES
('admin', ARRAY['*:*']),
('engineer', ARRAY[
    'models:read', 'models:write',
    'features:read', 'features:write',
    'experiments:read', 'experiments:write',
    'pipelines:read', 'pipelines:write',
    'deployments:read', 'deployments:write',
    'monitors:read', 'monitors:write',
    'predictions:create',
    'billing:read',
    'notifications:read'
]),
('viewer', ARRAY[
    'models:read', 'features:read', 'experiments:read', 'pipelines:read', 'deployments:read', 'monitors:read',
    'billing:read', 'notifications:read'
]),
-- What the services do to each other; users, keys and audit are nobody's but auth's.
('service', ARRAY[
    'models:read', 'models:write',
    'features:read', 'features:write',
    'experiments:read', 'experiments:write',
    'pipelines:read', 'pipelines:write',
    'deployments:read', 'deployments:write',
    'monitors:read', 'monitors:write',
    'predictions:create',
    'billing:read', 'billing:write',
    'notifications:read'
]),
('job', ARRAY['models:read', 'features:read', 'experiments:write']);
