-- class: process_activity
-- without: process, device, actor
-- consumes: EventData.NewProcessId = number_hex(process.pid)
-- consumes: EventData.ProcessId = number_hex(actor.process.pid)
--
-- 4688: a process was created. The actor is the process and account that created it. The user of the process is the target account where
-- the event has one (since Windows 10), else the creator's.
SELECT
  1 AS activity_id, -- Launch
  hex_number(EventData.NewProcessId) AS "process.pid",
  basename(EventData.NewProcessName) AS "process.name",
  basename(EventData.NewProcessName) AS "process.file.name",
  EventData.NewProcessName AS "process.file.path",
  CASE WHEN EventData.NewProcessName IS NOT NULL THEN 1 END AS "process.file.type_id",
  EventData.CommandLine AS "process.cmd_line",
  label_integrity(EventData.MandatoryLabel) AS "process.integrity_id",
  CASE WHEN EventData.TargetUserName IS NOT NULL THEN EventData.TargetUserSid ELSE EventData.SubjectUserSid END AS "process.user.uid",
  coalesce(EventData.TargetUserName, EventData.SubjectUserName) AS "process.user.name",
  CASE WHEN EventData.TargetUserName IS NOT NULL THEN EventData.TargetDomainName ELSE EventData.SubjectDomainName END AS "process.user.domain",
  coalesce(EventData.TargetLogonId, EventData.SubjectLogonId) AS "process.session.uid",

  hex_number(EventData.ProcessId) AS "process.parent_process.pid",
  EventData.ParentProcessName AS "process.parent_process.file.path",
  basename(EventData.ParentProcessName) AS "process.parent_process.file.name",
  basename(EventData.ParentProcessName) AS "process.parent_process.name",
  CASE WHEN EventData.ParentProcessName IS NOT NULL THEN 1 END AS "process.parent_process.file.type_id",

  hex_number(EventData.ProcessId) AS "actor.process.pid",
  EventData.ParentProcessName AS "actor.process.file.path",
  basename(EventData.ParentProcessName) AS "actor.process.file.name",
  basename(EventData.ParentProcessName) AS "actor.process.name",
  CASE WHEN EventData.ParentProcessName IS NOT NULL THEN 1 END AS "actor.process.file.type_id"
FROM raw
WHERE EventID = 4688 AND is_security(Channel, ProviderName);
