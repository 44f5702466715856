-- Incidents, which group detections of a host.
-- class: incident_finding
-- consumes: event.IncidentId = finding_info_list[1].uid
-- consumes: event.State = CASE status_id WHEN 1 THEN 'open' WHEN 2 THEN 'reopened' WHEN 5 THEN 'closed' ELSE status END
SELECT
  CASE lower(event.State) WHEN 'open' THEN 1 WHEN 'closed' THEN 3 ELSE 2 END AS activity_id, -- Create, Close, Update
  0 AS severity_id, -- only a score, FineScore, in unmapped
  CASE lower(event.State) WHEN 'open' THEN 1 WHEN 'new' THEN 1 WHEN 'in_progress' THEN 2 WHEN 'reopened' THEN 2 WHEN 'closed' THEN 5 ELSE CASE WHEN event.State IS NULL THEN 0 ELSE 99 END END AS status_id,
  CASE WHEN lower(event.State) NOT IN ('open', 'new', 'in_progress', 'reopened', 'closed') THEN event.State END AS status,
  falcon_time(event.IncidentStartTime) AS start_time,
  falcon_time(event.IncidentEndTime) AS end_time,
  event.FalconHostLink AS src_url,
  [{'uid': coalesce(event.IncidentId, metadata.customerIDString || ':' || metadata."offset"), 'title': 'Falcon incident', 'created_time': falcon_time(event.IncidentStartTime)}] AS finding_info_list
FROM raw
WHERE metadata.eventType = 'IncidentSummaryEvent';
