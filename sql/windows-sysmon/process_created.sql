-- class: process_activity
-- consumes: Description.User = windows_user(process."user"."domain", process."user".name)
-- consumes: Description.ParentUser = windows_user(actor."user"."domain", actor."user".name)
-- consumes: Description.Hashes = hash_list(process.file.hashes)
-- consumes: Description.IntegrityLevel = process.integrity
--
-- 1: a process was created. The actor is its parent, whose user Sysmon names since 13.30.
SELECT
  1 AS activity_id,

  Description.ProcessGuid AS "process.uid",
  Description.ProcessId AS "process.pid",
  Description.Image AS "process.name",
  basename(Description.Image) AS "process.file.name",
  Description.Image AS "process.file.path",
  1 AS "process.file.type_id",
  user_of(Description.User) AS "process.user.name",
  domain_of(Description.User) AS "process.user.domain",
  Description.CommandLine AS "process.cmd_line",
  integrity(Description.IntegrityLevel) AS "process.integrity_id",
  integrity_name(Description.IntegrityLevel) AS "process.integrity",
  Description.LogonId AS "process.session.uid",
  fingerprints(Description.Hashes) AS "process.file.hashes",
  Description.Company AS "process.file.company_name",
  Description.Description AS "process.file.desc",
  Description.FileVersion AS "process.file.version",
  Description.Product AS "process.file.product.name",
  Description.Company AS "process.file.product.vendor_name",

  Description.ParentProcessGuid AS "process.parent_process.uid",
  Description.ParentProcessId AS "process.parent_process.pid",
  Description.ParentImage AS "process.parent_process.name",
  Description.ParentCommandLine AS "process.parent_process.cmd_line",

  Description.ParentProcessGuid AS "actor.process.uid",
  Description.ParentProcessId AS "actor.process.pid",
  Description.ParentImage AS "actor.process.name",
  Description.ParentCommandLine AS "actor.process.cmd_line",
  basename(Description.ParentImage) AS "actor.process.file.name",
  Description.ParentImage AS "actor.process.file.path",
  1 AS "actor.process.file.type_id",
  user_of(Description.ParentUser) AS "actor.user.name",
  domain_of(Description.ParentUser) AS "actor.user.domain"
FROM raw
WHERE EventId = 1;
