-- Accounts of the firewall's own database, and users that it locks.
-- class: account_change
-- consumes: what = CASE activity_id WHEN 1 THEN 'New user added to' WHEN 6 THEN 'User deleted from' WHEN 9 THEN 'locked out' ELSE CASE activity_name WHEN 'Unlock' THEN 'unlocked by' ELSE 'User priv level changed' END END
SELECT
  CASE msgid WHEN '502101' THEN 1 WHEN '502102' THEN 6 WHEN '113006' THEN 9 ELSE 99 END AS activity_id, -- Create, Delete, Lock, Other
  CASE msgid WHEN '113007' THEN 'Unlock' WHEN '502103' THEN 'Privilege Level Change' END AS activity_name,
  asa_severity("level") AS severity_id,
  "user" AS "user.name",
  admin AS "actor.user.name"
FROM raw
WHERE asa_account(msgid) AND what IS NOT NULL;
