-- Attack sequences (AttackSequence:IAM/CompromisedCredentials, AttackSequence:S3/CompromisedData and others): several
-- signals that form one attack. Each signal is a related event with its tactics and techniques, and a piece of evidence
-- with its actor, address and API call. What OCSF cannot hold (the signals' times, severities and descriptions, the
-- other indicators) is in unmapped, because the lists stay there in full.
-- class: detection_finding
-- ocsf: 1.1.0
-- profiles: cloud
-- consumes: accountId = cloud.account.uid
-- consumes: region = cloud.region
-- consumes: "type" = finding_info.types[1]
SELECT
  updatedAt AS "time",
  activity_of(service.archived, createdAt, updatedAt) AS activity_id,
  severity_of(severity) AS severity_id,
  CASE WHEN service.archived THEN 3 END AS status_id, -- Suppressed: archived, by a rule or by hand
  confidence AS confidence_score,
  description AS message,
  service."count" AS "count",
  service.eventFirstSeen AS start_time,
  service.eventLastSeen AS end_time,

  id AS "finding_info.uid",
  title AS "finding_info.title",
  service.detection.sequence.description AS "finding_info.desc",
  ["type"] AS "finding_info.types",
  service.detectorId AS "finding_info.product_uid",
  createdAt AS "finding_info.created_time",
  updatedAt AS "finding_info.modified_time",
  service.eventFirstSeen AS "finding_info.first_seen_time",
  service.eventLastSeen AS "finding_info.last_seen_time",
  attacks_of(indicated(service.detection.sequence.sequenceIndicators, 'ATTACK_TACTIC'),
    indicated(service.detection.sequence.sequenceIndicators, 'ATTACK_TECHNIQUE')) AS "finding_info.attacks",
  list_transform(service.detection.sequence.signals, lambda s: {
    'uid': s.uid,
    'type': s.name,
    'attacks': attacks_of(indicated(s.signalIndicators, 'ATTACK_TACTIC'), indicated(s.signalIndicators, 'ATTACK_TECHNIQUE'))
  }) AS "finding_info.related_events",

  list_transform(service.detection.sequence.signals, lambda s: signal_evidence(s,
    list_filter(service.detection.sequence.actors, lambda a: list_contains(s.actorIds, a.id))[1],
    list_filter(service.detection.sequence.endpoints, lambda e: list_contains(s.endpointIds, e.id))[1])) AS evidences,

  list_transform(service.detection.sequence.resources, lambda r: {
    'uid': r.uid, 'name': r.name, 'type': r.resourceType, 'region': r.region, 'cloud_partition': r.cloudPartition
  }) AS resources,

  'AWS' AS "cloud.provider",
  coalesce(region, key.region) AS "cloud.region",
  coalesce(accountId, key.account_id) AS "cloud.account.uid",
  10 AS "cloud.account.type_id", -- AWS Account

  arn AS "metadata.uid",
  service.detection.sequence.uid AS "metadata.correlation_uid",
  'GuardDuty' AS "metadata.product.name",
  'AWS' AS "metadata.product.vendor_name",
  service.featureName AS "metadata.product.feature.name"
FROM raw
WHERE starts_with("type", 'AttackSequence:');
