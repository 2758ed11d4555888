-- Addresses are compared in one normal form (NFKC, without case). Of accounts that would become one, one has it: the one
-- that has it already, else the oldest; the others stay as they were typed.
UPDATE users u SET email = n.email
FROM (
    SELECT DISTINCT ON (normalize(email, NFKC)) id, normalize(email, NFKC) AS email FROM users
    WHERE email IS NOT NFKC NORMALIZED
    ORDER BY normalize(email, NFKC), id
) AS n
WHERE u.id = n.id AND n.email = lower(n.email) AND NOT EXISTS (SELECT FROM users o WHERE o.email = n.email);
