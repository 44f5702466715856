-- Attack sequences (AttackSequence:IAM/CompromisedCredentials, AttackSequence:S3/CompromisedData and others): several
-- signals that form one attack. Each signal is a related event with its tactics and techniques, and a piece of evidence
-- with its actor, address and API call. What OCSF cannot hold (the signals' times, severities and descriptions, the
-- other indicators) is in unmapped, because the lists stay there in full.
-- class: detection_finding
SELECT
  service.detection.sequence.description AS "finding_info.desc",
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

  {
    'uid': arn,
    'correlation_uid': service.detection.sequence.uid,
    'product': {'name': 'GuardDuty', 'vendor_name': 'AWS', 'feature': {'name': service.featureName}}
  } AS metadata
FROM raw
WHERE starts_with("type", 'AttackSequence:');
