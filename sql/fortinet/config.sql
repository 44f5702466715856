-- What administrators changed in the configuration: an object (cfgobj) of a part of it (cfgpath), or the part itself.
-- class: entity_management
-- consumes: "user" = windows_user(actor."user"."domain", actor."user".name)
-- consumes: cfgobj = entity.name
SELECT
  CASE lower("action") WHEN 'add' THEN 1 WHEN 'edit' THEN 3 WHEN 'move' THEN 3 WHEN 'rename' THEN 3 WHEN 'delete' THEN 4 ELSE 99 END AS activity_id, -- Create, Update, Delete
  coalesce(level_severity("level"), 0) AS severity_id,
  known(msg) AS message,

  9 AS "device.type_id", -- the firewall
  list_transform([known("user")], lambda u: user_of(u))[1] AS "actor.user.name",
  list_transform([known("user")], lambda u: domain_of(u))[1] AS "actor.user.domain",

  coalesce(cfgobj, cfgpath) AS "entity.name",
  cfgpath AS "entity.type"
FROM raw
WHERE lower("type") = 'event' AND cfgpath IS NOT NULL AND NOT coalesce(fortinet_login("type", "action", "user", logid), FALSE)
  AND NOT coalesce(fortinet_tunnel("type", "action", locip, remip), FALSE);
