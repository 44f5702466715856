-- class: process_activity
-- consumes: Description.User = windows_user(actor."user"."domain", actor."user".name)
--
-- 5: a process ended. Sysmon does not record who ended it. The actor is the process itself.
SELECT
  2 AS activity_id,

  Description.ProcessGuid AS "process.uid",
  Description.ProcessId AS "process.pid",
  Description.Image AS "process.name",
  basename(Description.Image) AS "process.file.name",
  Description.Image AS "process.file.path",
  1 AS "process.file.type_id",
  user_of(Description.User) AS "process.user.name",
  domain_of(Description.User) AS "process.user.domain",
  coalesce(Description.UtcTime, TimeCreated) AS "process.terminated_time",

  Description.ProcessGuid AS "actor.process.uid",
  Description.ProcessId AS "actor.process.pid",
  Description.Image AS "actor.process.name",
  basename(Description.Image) AS "actor.process.file.name",
  Description.Image AS "actor.process.file.path",
  1 AS "actor.process.file.type_id",
  user_of(Description.User) AS "actor.user.name",
  domain_of(Description.User) AS "actor.user.domain"
FROM raw
WHERE EventId = 5;
