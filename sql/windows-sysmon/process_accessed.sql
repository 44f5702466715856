-- class: process_activity
-- consumes: Description.SourceUser = windows_user(actor."user"."domain", actor."user".name)
-- consumes: Description.TargetUser = windows_user(process."user"."domain", process."user".name)
-- consumes: Description.GrantedAccess = format('0x{:X}', actual_permissions)
--
-- 10: a process opened another one. process is the one that was opened.
SELECT
  3 AS activity_id,

  Description.TargetProcessGuid AS "process.uid",
  Description.TargetProcessId AS "process.pid",
  Description.TargetImage AS "process.name",
  basename(Description.TargetImage) AS "process.file.name",
  Description.TargetImage AS "process.file.path",
  1 AS "process.file.type_id",
  user_of(Description.TargetUser) AS "process.user.name",
  domain_of(Description.TargetUser) AS "process.user.domain",

  Description.SourceProcessGuid AS "actor.process.uid",
  Description.SourceProcessId AS "actor.process.pid",
  Description.SourceImage AS "actor.process.name",
  basename(Description.SourceImage) AS "actor.process.file.name",
  Description.SourceImage AS "actor.process.file.path",
  1 AS "actor.process.file.type_id",
  user_of(Description.SourceUser) AS "actor.user.name",
  domain_of(Description.SourceUser) AS "actor.user.domain",
  Description.SourceThreadId AS "actor.process.tid",
  ('0x' || substr(Description.GrantedAccess, 3))::INTEGER AS actual_permissions
FROM raw
WHERE EventId = 10;
