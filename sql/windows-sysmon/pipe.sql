-- class: file_activity
--
-- 17: a named pipe was created. 18: a client connected to one.
SELECT
  CASE EventId WHEN 17 THEN 1 ELSE 14 END AS activity_id,

  Description.PipeName AS "file.name",
  Description.PipeName AS "file.path",
  6 AS "file.type_id",

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
WHERE EventId IN (17, 18);
