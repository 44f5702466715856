-- class: process_activity
-- consumes: Description.State = CASE activity_id WHEN 1 THEN 'Started' WHEN 2 THEN 'Stopped' END
--
-- 4: the Sysmon service was started or stopped. 16: its configuration was changed. 255: it reported an error. These
-- texts name no process. The event has the null GUID that Sysmon itself writes for an unknown process.
SELECT
  CASE EventId WHEN 4 THEN CASE Description.State WHEN 'Started' THEN 1 WHEN 'Stopped' THEN 2 ELSE 99 END ELSE 99 END AS activity_id,

  null_guid() AS "process.uid",
  'Sysmon' AS "process.name",
  Description.Version AS "process.file.version",
  CASE WHEN Description.Version IS NOT NULL THEN 'Sysmon' END AS "process.file.name",
  1 AS "process.file.type_id",

  null_guid() AS "actor.process.uid",
  'Sysmon' AS "actor.process.name",
  CASE EventId WHEN 255 THEN 2 ELSE 1 END AS status_id
FROM raw
WHERE EventId IN (4, 16, 255);
