-- What administrators changed in the configuration: an object (cfgobj) of a part of it (cfgpath), or the part itself.
-- class: entity_management
-- ocsf: 1.1.0
-- profiles: host
-- consumes: "date" = strftime(make_timestamp(("time" + timezone_offset * 60000) * 1000), '%Y-%m-%d')
-- consumes: "time" = strftime(make_timestamp(("time" + timezone_offset * 60000) * 1000), '%H:%M:%S')
-- consumes: tz = fortinet_zone(timezone_offset)
-- consumes: msg = message
-- consumes: "user" = windows_user(actor."user"."domain", actor."user".name)
-- consumes: cfgobj = entity.name
SELECT
  fortinet_time(eventtime, "date", "time", tz, key.source_timezone) AS "time",
  eventtime AS "metadata.original_time",
  fortinet_offset(tz) AS timezone_offset,
  CASE lower("action") WHEN 'add' THEN 1 WHEN 'edit' THEN 3 WHEN 'move' THEN 3 WHEN 'rename' THEN 3 WHEN 'delete' THEN 4 ELSE 99 END AS activity_id, -- Create, Update, Delete
  coalesce(level_severity("level"), 0) AS severity_id,
  known(msg) AS message,

  logid AS "metadata.event_code",
  subtype AS "metadata.log_name",
  "level" AS "metadata.log_level",
  'FortiGate' AS "metadata.product.name",
  'Fortinet' AS "metadata.product.vendor_name",

  -- the firewall
  9 AS "device.type_id",
  devid AS "device.uid",
  devname AS "device.hostname",

  list_transform([known("user")], lambda u: user_of(u))[1] AS "actor.user.name",
  list_transform([known("user")], lambda u: domain_of(u))[1] AS "actor.user.domain",

  coalesce(cfgobj, cfgpath) AS "entity.name",
  cfgpath AS "entity.type"
FROM raw
WHERE lower("type") = 'event' AND cfgpath IS NOT NULL AND NOT coalesce(fortinet_login("type", "action", "user", logid), FALSE)
  AND NOT coalesce(fortinet_tunnel("type", "action", locip, remip), FALSE);
