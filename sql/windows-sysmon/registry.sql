-- class: file_activity
-- consumes: Description.EventType = CASE activity_id WHEN 3 THEN 'SetValue' END
--
-- 12: a registry key or value was created or deleted. 13: a value was set. 14: a key or value was renamed. OCSF's
-- registry classes are an extension that Security Lake does not accept, so a key's path is written as the path of a
-- file.
SELECT
  registry_activity(Description.EventType) AS activity_id,

  Description.TargetObject AS "file.name",
  Description.TargetObject AS "file.path",
  dirname(Description.TargetObject) AS "file.parent_folder",
  99 AS "file.type_id",
  Description.NewName AS "file_result.name",
  Description.NewName AS "file_result.path",
  99 AS "file_result.type_id",

  Description.ProcessGuid AS "actor.process.uid",
  Description.ProcessId AS "actor.process.pid",
  Description.Image AS "actor.process.name",
  basename(Description.Image) AS "actor.process.file.name",
  Description.Image AS "actor.process.file.path",
  1 AS "actor.process.file.type_id",
  user_of(Description.User) AS "actor.user.name",
  domain_of(Description.User) AS "actor.user.domain",

  Description.ProcessId AS "unmapped.pid",
  Description.ProcessGuid AS "unmapped.uid",
  Description.Image AS "unmapped.name",
  Description.User AS "unmapped.user"
FROM raw
WHERE EventId IN (12, 13, 14);
