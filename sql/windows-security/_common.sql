-- ocsf: 1.1.0
-- profiles: host
-- consumes: TimeCreated = "time"
-- consumes: Message = message
--
-- What all events have: when, on which computer, who caused it, and what the event log says of it.
SELECT
  coalesce(time_of_log(EventTime, key.source_timezone, key.source_zones, NULL), TimeCreated) AS "time",
  1 AS severity_id,
  1 AS status_id, -- most events are of things that were done

  *,

  EventData.SubjectUserSid AS "actor.user.uid",
  EventData.SubjectUserName AS "actor.user.name",
  EventData.SubjectDomainName AS "actor.user.domain",
  user_type(EventData.SubjectUserSid, EventData.SubjectUserName) AS "actor.user.type_id",
  EventData.SubjectLogonId AS "actor.session.uid",

  0 AS "device.type_id",
  Computer AS "device.hostname",
  CASE WHEN EventID IS NOT NULL THEN 'Windows' END AS "device.os.name",
  CASE WHEN EventID IS NOT NULL THEN 100 END AS "device.os.type_id",

  coalesce(Message, event_title(EventID)) AS message,
  EventID AS "metadata.event_code",
  RecordID AS "metadata.sequence",
  Channel AS "metadata.log_name",
  ProviderName AS "metadata.log_provider",
  ActivityID AS "metadata.correlation_uid",
  'Windows' AS "metadata.product.name",
  'Security' AS "metadata.product.feature.name",
  'Microsoft' AS "metadata.product.vendor_name"
FROM raw;
