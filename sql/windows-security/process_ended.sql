-- class: process_activity
-- without: process, device, actor
-- consumes: EventData.ProcessId = number_hex(process.pid)
-- consumes: EventData.Status = number_hex(exit_code)
--
-- 4689: a process has ended.
SELECT
  2 AS activity_id, -- Terminate
  hex_number(EventData.ProcessId) AS "process.pid",
  basename(EventData.ProcessName) AS "process.name",
  basename(EventData.ProcessName) AS "process.file.name",
  EventData.ProcessName AS "process.file.path",
  CASE WHEN EventData.ProcessName IS NOT NULL THEN 1 END AS "process.file.type_id",
  EventData.SubjectUserSid AS "process.user.uid",
  EventData.SubjectUserName AS "process.user.name",
  EventData.SubjectDomainName AS "process.user.domain",
  EventData.SubjectLogonId AS "process.session.uid",
  exit_number(EventData.Status) AS exit_code
FROM raw
WHERE EventID = 4689 AND is_security(Channel, ProviderName);
