-- What administrators changed in the configuration. The entity is the part of the configuration that the path names.
-- class: entity_management
-- ocsf: 1.1.0
-- profiles: host
-- consumes: high_res_timestamp = strftime(make_timestamp("time" * 1000), '%Y-%m-%dT%H:%M:%S.%g+00:00')
-- consumes: time_generated = strftime(make_timestamp("time" * 1000), '%Y/%m/%d %H:%M:%S')
-- consumes: receive_time = strftime(make_timestamp(metadata.logged_time * 1000), '%Y/%m/%d %H:%M:%S')
-- consumes: device_name = device.hostname
-- consumes: "admin" = windows_user(actor."user"."domain", actor."user".name)
-- consumes: path = ' ' || entity.name
SELECT
  pan_event_time(high_res_timestamp, time_generated, key.source_timezone) AS "time",
  pan_time(receive_time, high_res_timestamp, key.source_timezone) AS "metadata.logged_time",
  "type" AS "metadata.log_name",
  seqno AS "metadata.uid",
  'PAN-OS' AS "metadata.product.name",
  'Palo Alto Networks' AS "metadata.product.vendor_name",

  -- the firewall
  9 AS "device.type_id",
  serial AS "device.uid",
  coalesce(device_name, syslog.host) AS "device.hostname",

  list_transform([pan_user("admin")], lambda u: user_of(u))[1] AS "actor.user.name",
  list_transform([pan_user("admin")], lambda u: domain_of(u))[1] AS "actor.user.domain",
  'configuration' AS "entity.type",
  coalesce(nullif(trim(path), ''), 'configuration') AS "entity.name", -- a commit is of all of it

  CASE WHEN cmd IN ('add', 'clone', 'multi-clone') THEN 1                                -- Create
    WHEN cmd IN ('set', 'edit', 'move', 'rename', 'override') THEN 3      -- Update
    WHEN cmd = 'delete' THEN 4 ELSE 99 END AS activity_id,                -- Delete; commit is Other
  1 AS severity_id, -- a configuration log has none
  CASE lower("result") WHEN 'succeeded' THEN 1 WHEN 'failed' THEN 2 WHEN 'unauthorized' THEN 2
    ELSE CASE WHEN "result" IS NULL THEN 0 ELSE 99 END END AS status_id,
  "comment" AS "comment"
FROM raw
WHERE "type" = 'CONFIG';
