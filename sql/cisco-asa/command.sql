-- Commands of administrators. 111009 has those that do not change the configuration.
-- class: entity_management
-- consumes: "user" = windows_user(actor."user"."domain", actor."user".name)
SELECT
  CASE WHEN msgid = '111009' OR regexp_matches(lower(command), '^(show|dir|more|ping|traceroute|enable|login|logout|exit|quit|terminal)\b') THEN 2 ELSE 3 END AS activity_id, -- Read, Update
  asa_severity("level") AS severity_id,
  1 AS status_id, -- Success
  asa_account_name("user") AS "actor.user.name",
  asa_account_domain("user") AS "actor.user.domain",
  command AS "entity.name",
  'command' AS "entity.type"
FROM raw
WHERE asa_command(msgid) AND command IS NOT NULL;
