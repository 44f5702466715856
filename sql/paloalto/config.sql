-- What administrators changed in the configuration. The entity is the part of the configuration that the path names.
-- class: entity_management
-- consumes: "admin" = windows_user(actor."user"."domain", actor."user".name)
-- consumes: path = ' ' || entity.name
SELECT
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
