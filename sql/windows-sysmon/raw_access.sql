-- class: memory_activity
-- consumes: Description.User = windows_user(actor."user"."domain", actor."user".name)
--
-- 9: a process read a drive without the file system. The class is Memory Activity, as in AWS's table, although a drive
-- is not memory. File System Activity with the activity Read would be closer.
SELECT
  7 AS activity_id,

  Description.ProcessGuid AS "process.uid",
  Description.ProcessId AS "process.pid",
  Description.Image AS "process.name",
  basename(Description.Image) AS "process.file.name",
  Description.Image AS "process.file.path",
  1 AS "process.file.type_id",
  user_of(Description.User) AS "process.user.name",
  domain_of(Description.User) AS "process.user.domain",

  Description.ProcessGuid AS "actor.process.uid",
  Description.ProcessId AS "actor.process.pid",
  Description.Image AS "actor.process.name",
  basename(Description.Image) AS "actor.process.file.name",
  Description.Image AS "actor.process.file.path",
  1 AS "actor.process.file.type_id",
  user_of(Description.User) AS "actor.user.name",
  domain_of(Description.User) AS "actor.user.domain"
FROM raw
WHERE EventId = 9;
