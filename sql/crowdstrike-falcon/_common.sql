-- What all events have.
-- ocsf: 1.1.0
-- consumes: metadata.eventCreationTime = CAST("time" AS VARCHAR)
-- drop: metadata.eventType IN ('FirewallMatchEvent', 'RemoteResponseSessionStartEvent', 'RemoteResponseSessionEndEvent', 'ScheduledReportNotificationEvent', 'ReconNotificationSummaryEvent', 'CustomerIOCEvent', 'HashSpreadingEvent', 'CspmIOAStreamingEvent', 'CspmSearchStreamingEvent')
SELECT
  falcon_time(coalesce(metadata.eventCreationTime, event.UTCTimestamp)) AS "time",
  *,
  metadata.eventType AS "metadata.event_code",
  metadata.customerIDString AS "metadata.tenant_uid",
  metadata."version" AS "metadata.log_version",
  metadata."offset" AS "metadata.sequence",
  event.SourceProducts AS "metadata.product.feature.name",
  'Falcon' AS "metadata.product.name",
  'CrowdStrike' AS "metadata.product.vendor_name"
FROM raw;
