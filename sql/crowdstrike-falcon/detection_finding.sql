-- Detections of endpoints, identities, mobile devices and other data, and automated leads.
-- class: detection_finding
-- profiles: host, security_control
-- consumes: event."Name" = finding_info.title
-- consumes: event.IncidentType = finding_info.title
-- consumes: event.IncidentDescription = finding_info."desc"
-- consumes: event.CompositeId = finding_info.uid
-- consumes: event.DetectId = finding_info.uid
-- consumes: event.IdentityProtectionIncidentId = finding_info.uid
-- consumes: event.StartTime = CAST(finding_info.first_seen_time AS VARCHAR)
-- consumes: event.EndTime = CAST(finding_info.last_seen_time AS VARCHAR)
-- consumes: event.DataDomains = finding_info.data_sources[1]
-- consumes: event.SeverityName = severity
-- consumes: event.Tactic = finding_info.attacks[1].tactic.name
-- consumes: event.Technique = finding_info.attacks[1].technique.name
-- consumes: event.TacticId = finding_info.attacks[1].tactic.uid
-- consumes: event.TechniqueId = finding_info.attacks[1].technique.uid
-- consumes: event.ProcessId = evidences[1].process.uid
-- consumes: event.ProcessStartTime = CAST(evidences[1].process.created_time // 1000 AS VARCHAR)
-- consumes: event.ProcessEndTime = CAST(evidences[1].process.terminated_time // 1000 AS VARCHAR)
-- consumes: event.CommandLine = evidences[1].process.cmd_line
-- consumes: event.FileName = falcon_evidence_file(evidences[1]).name
-- consumes: event.FilePath = falcon_evidence_file(evidences[1]).path
-- consumes: event.SHA256String = falcon_hash(falcon_evidence_file(evidences[1]), 3)
-- consumes: event.SHA1String = falcon_hash(falcon_evidence_file(evidences[1]), 2)
-- consumes: event.MD5String = falcon_hash(falcon_evidence_file(evidences[1]), 1)
-- consumes: event.ParentProcessId = evidences[1].process.parent_process.uid
-- consumes: event.ParentCommandLine = evidences[1].process.parent_process.cmd_line
-- consumes: event.ParentImageFileName = evidences[1].process.parent_process.name
-- consumes: event.ParentImageFilePath = evidences[1].process.parent_process.file.path
-- consumes: event.UserName = evidences[1].actor.user.name
-- consumes: event.LogonDomain = evidences[1].actor.user.domain
-- consumes: event.SourceAccountName = evidences[1].actor.user.name
-- consumes: event.SourceAccountDomain = evidences[1].actor.user.domain
-- consumes: event.SourceAccountObjectSid = evidences[1].actor.user.uid
-- consumes: event.SourceEndpointHostName = evidences[1].src_endpoint.hostname
-- consumes: event.SourceEndpointIpAddress = evidences[1].src_endpoint.ip
-- consumes: event.SourceEndpointSensorId = evidences[1].src_endpoint.uid
-- consumes: event.TargetEndpointHostName = evidences[1].dst_endpoint.hostname
-- consumes: event.TargetEndpointSensorId = evidences[1].dst_endpoint.uid
-- consumes: event.TargetServiceAccessIdentifier = evidences[1].dst_endpoint.svc_name
-- consumes: event.EndpointName = evidences[1].src_endpoint.hostname
-- consumes: event.EndpointIp = evidences[1].src_endpoint.ip
SELECT
  CASE falcon_status(event.State) WHEN 1 THEN 1 WHEN 3 THEN 3 WHEN 4 THEN 3 ELSE 2 END AS activity_id, -- Create, Close, Update
  falcon_severity(falcon_kind(metadata.eventType), event.SeverityName, event.Severity) AS severity_id,
  falcon_status(event.State) AS status_id,
  CASE WHEN falcon_status(event.State) = 99 THEN event.State END AS status,
  event.PatternDispositionDescription AS status_detail,
  CASE WHEN event.LeadId IS NOT NULL THEN event.Score END AS confidence_score,
  event."Description" AS message,
  CASE WHEN starts_with(event.PatternDispositionDescription, 'Prevention') THEN 2 WHEN starts_with(event.PatternDispositionDescription, 'Detection') THEN 1 ELSE 0 END AS action_id,
  CASE WHEN starts_with(event.PatternDispositionDescription, 'Prevention') THEN 2 WHEN starts_with(event.PatternDispositionDescription, 'Detection') THEN 15 END AS disposition_id,

  coalesce(event.CompositeId, event.DetectId, event.IdentityProtectionIncidentId, event.LeadId, metadata.customerIDString || ':' || metadata."offset") AS "finding_info.uid",
  coalesce(event."Name", event.IncidentType, event."Description", falcon_kind(metadata.eventType)) AS "finding_info.title",
  coalesce(event."Description", event.IncidentDescription) AS "finding_info.desc",
  event.FalconHostLink AS "finding_info.src_url",
  [event.DataDomains] AS "finding_info.data_sources",
  falcon_time(metadata.eventCreationTime) AS "finding_info.created_time",
  falcon_time(coalesce(event.StartTime, event.StartTimeEpoch, event.SignalStartTimestamp)) AS "finding_info.first_seen_time",
  falcon_time(coalesce(event.EndTime, event.EndTimeEpoch, event.SignalEndTimestamp)) AS "finding_info.last_seen_time",
  event.PatternId AS "finding_info.analytic.uid",
  CASE WHEN event.PatternId IS NOT NULL THEN 0 END AS "finding_info.analytic.type_id",
  CASE WHEN len(event.MitreAttack) > 0 THEN list_transform(event.MitreAttack, lambda m: falcon_attack(m.Tactic, m.TacticID, m.Technique, m.TechniqueID))
    ELSE [falcon_attack(event.Tactic, event.TacticId, event.Technique, event.TechniqueId)] END AS "finding_info.attacks",
  list_transform(event.ThreatgraphIndicators, lambda i: {'uid': i.IndicatorId, 'type': i.DisplayName}) AS "finding_info.related_events",

  event.AgentId AS "device.uid",
  event.Hostname AS "device.hostname",
  event.Hostname AS "device.name",
  event.LocalIP AS "device.ip",
  event.MACAddress AS "device.mac",
  event.MachineDomain AS "device.domain",
  event.PlatformName AS "device.os.name",
  CASE event.PlatformName WHEN 'Windows' THEN 100 WHEN 'Linux' THEN 200 WHEN 'Android' THEN 201 WHEN 'Mac' THEN 300 WHEN 'iOS' THEN 301 ELSE CASE WHEN event.PlatformName IS NOT NULL THEN 0 END END AS "device.os.type_id",
  CASE WHEN coalesce(event.AgentId, event.Hostname) IS NOT NULL THEN CASE WHEN metadata.eventType = 'MobileDetectionSummaryEvent' THEN 5 ELSE 0 END END AS "device.type_id", -- Mobile, Unknown
  [{'uid': event.AgentId, 'name': event.Hostname, 'type': CASE WHEN coalesce(event.AgentId, event.Hostname) IS NOT NULL THEN 'Host' END}] AS resources,

  list_concat(
    [{
      'process': CASE WHEN event.ProcessId IS NOT NULL THEN {
        'uid': event.ProcessId, 'name': event.FileName, 'cmd_line': event.CommandLine,
        'created_time': falcon_time(event.ProcessStartTime), 'terminated_time': falcon_time(event.ProcessEndTime),
        'file': falcon_hashed(falcon_file(event.FilePath, event.FileName), event.SHA256String, event.SHA1String, event.MD5String),
        'user': {'name': event.UserName, 'domain': event.LogonDomain},
        'parent_process': {'uid': event.ParentProcessId, 'name': basename(event.ParentImageFileName), 'cmd_line': event.ParentCommandLine,
          'file': falcon_file(coalesce(event.ParentImageFilePath, CASE WHEN regexp_matches(event.ParentImageFileName, '[\\/]') THEN event.ParentImageFileName END), basename(event.ParentImageFileName))}} END,
      'file': CASE WHEN event.ProcessId IS NULL AND coalesce(event.FileName, event.FilePath, event.SHA256String) IS NOT NULL THEN falcon_hashed(falcon_file(event.FilePath, event.FileName), event.SHA256String, event.SHA1String, event.MD5String) END,
      'actor': {'user': {
        'name': coalesce(event.SourceAccountName, user_of(event.UserName)), 'domain': coalesce(event.SourceAccountDomain, event.LogonDomain, CASE WHEN contains(event.UserName, '\') THEN domain_of(event.UserName) END),
        'uid': event.SourceAccountObjectSid}},
      'src_endpoint': {'hostname': coalesce(event.SourceEndpointHostName, event.EndpointName), 'ip': coalesce(event.SourceEndpointIpAddress, event.EndpointIp), 'uid': event.SourceEndpointSensorId},
      'dst_endpoint': {'hostname': event.TargetEndpointHostName, 'uid': event.TargetEndpointSensorId, 'svc_name': event.TargetServiceAccessIdentifier}}],
    list_transform(event.NetworkAccesses, lambda c: falcon_connection(c)),
    list_transform(event.MobileNetworkConnections, lambda c: falcon_connection(c)),
    list_transform(event.DnsRequests, lambda d: {'query': {'hostname': d.DomainName}}),
    list_transform(list_concat(event.FilesWritten, event.ExecutablesWritten, event.FilesAccessed, event.DocumentsAccessed), lambda f: {'file': falcon_file(f.FilePath, f.FileName)}),
    list_transform(event.QuarantineFiles, lambda f: {'file': falcon_hashed(falcon_file(f.ImageFileName, basename(f.ImageFileName)), f.SHA256HashData, NULL, NULL)})
  ) AS evidences
FROM raw
WHERE falcon_is_detection(metadata.eventType);
