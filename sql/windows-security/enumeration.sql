-- class: entity_management
-- consumes: EventData.CallerProcessId = number_hex(actor.process.pid)
--
-- 4798: the groups of a user were read. 4799: the members of a group were read.
SELECT
  2 AS activity_id, -- Read
  EventData.TargetUserName AS "entity.name",
  EventData.TargetSid AS "entity.uid",
  CASE EventID WHEN 4798 THEN 'User' ELSE 'Group' END AS "entity.type",
  hex_number(EventData.CallerProcessId) AS "actor.process.pid",
  EventData.CallerProcessName AS "actor.process.file.path",
  basename(EventData.CallerProcessName) AS "actor.process.file.name",
  basename(EventData.CallerProcessName) AS "actor.process.name",
  CASE WHEN EventData.CallerProcessName IS NOT NULL THEN 1 END AS "actor.process.file.type_id"
FROM raw
WHERE EventID IN (4798, 4799) AND is_security(Channel, ProviderName);
