-- GuardDuty's bands: Low 1.0 to 3.9, Medium 4.0 to 6.9, High 7.0 to 8.9, Critical 9.0 to 10.0.
-- https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_findings-severity.html
CREATE MACRO severity_of(score) AS CASE WHEN score >= 9 THEN 5 WHEN score >= 7 THEN 4 WHEN score >= 4 THEN 3 WHEN score >= 1 THEN 2 WHEN score >= 0 THEN 1 END;

-- An exported finding is new where it has never been updated; archiving closes it.
CREATE MACRO activity_of(archived, created, updated) AS CASE WHEN archived THEN 3 WHEN created = updated THEN 1 WHEN updated > created THEN 2 ELSE 0 END;

-- An address of either version.
CREATE MACRO address(v4, v6) AS coalesce(nullif(v4, ''), nullif(v6, ''));

-- A file that was found, with its hash, which is SHA-256 by its length. Its name is the last part of the path.
CREATE MACRO found_file(path, name, hash, uid) AS {'file': {
  'name': coalesce(nullif(name, ''), basename(path), nullif(path, '')), 'path': nullif(path, ''), 'type_id': 1, 'uid': uid,
  'hashes': [{'algorithm_id': CASE length(hash) WHEN 64 THEN 3 WHEN 40 THEN 2 WHEN 32 THEN 1 ELSE 99 END, 'value': nullif(hash, '')}]}};

-- Whether a finding lists infected files.
CREATE MACRO is_malware(s) AS coalesce(len(s.ebsVolumeScanDetails.scanDetections.threatDetectedByName.threatNames), 0)
  + coalesce(len(s.malwareScanDetails.threats), 0) > 0;

-- The values of the indicators of one key, as texts.
CREATE MACRO indicated(indicators, which) AS
  flatten(list_transform(list_filter(indicators, lambda i: i."key" = which), lambda i: json_extract_string(i."values", '$[*]')));

-- A tactic is a name (Credential Access), or an id.
CREATE MACRO tactic_of(v) AS {
  'uid': coalesce(nullif(regexp_extract(upper(v), 'TA[0-9]{4}'), ''), tactic_id(v)),
  'name': coalesce(tactic_name(nullif(regexp_extract(upper(v), 'TA[0-9]{4}'), '')), tactic_name(tactic_id(v)), v)};

-- A technique is an id (T1078.004), a name, or both (T1526 - Cloud Service Discovery).
CREATE MACRO technique_id(v) AS nullif(regexp_extract(v, '\bT[0-9]{4}(\.[0-9]{3})?\b'), '');
CREATE MACRO technique_text(v) AS nullif(trim(regexp_replace(v, '\bT[0-9]{4}(\.[0-9]{3})?\b', ''), ' -:|()[]/'), '');

-- An element of attacks of a tactic, or of a technique (and the one tactic that it is for).
CREATE MACRO attack_of(tactic, technique) AS {
  'tactic': tactic_of(tactic),
  'tactics': CASE WHEN tactic IS NOT NULL THEN [tactic_of(tactic)] ELSE tactics_of_ids(lookup('attack', technique_id(technique)).tactics) END,
  'technique': {
    'uid': split_part(technique_id(technique), '.', 1),
    'name': coalesce(CASE WHEN contains(coalesce(technique_id(technique), ''), '.') THEN NULL ELSE technique_text(technique) END,
      lookup('attack', split_part(technique_id(technique), '.', 1)).name)},
  'sub_technique': {
    'uid': CASE WHEN contains(technique_id(technique), '.') THEN technique_id(technique) END,
    'name': CASE WHEN contains(technique_id(technique), '.') THEN coalesce(technique_text(technique), lookup('attack', technique_id(technique)).name) END}};

-- Tactics and techniques are two lists: which technique is for which tactic is known where there is one tactic.
CREATE MACRO attacks_of(tactics, techniques) AS CASE
  WHEN len(tactics) = 1 AND len(techniques) > 0 THEN list_transform(techniques, lambda q: attack_of(tactics[1], q))
  ELSE list_concat(list_transform(tactics, lambda t: attack_of(t, NULL)), list_transform(techniques, lambda q: attack_of(NULL, q))) END;

-- What one signal shows: who, from where, which API call. The call is the signal's name where CloudTrail observed it, else the call that GuardDuty
-- says is of high risk. An address that the sequence saw as the target of an outbound connection is a destination.
CREATE MACRO signal_call(s) AS coalesce(
  CASE WHEN s."type" IN ('CLOUD_TRAIL', 'S3_DATA_EVENTS') THEN s.name END, indicated(s.signalIndicators, 'HIGH_RISK_API')[1]);
CREATE MACRO sequence_endpoint(e) AS {
  'ip': e.ip, 'hostname': e.domain, 'domain': e.domain, 'port': e.port,
  'location': {'city': e.location.city, 'country': e.location.country,
    'coordinates': CASE WHEN e.location.lon IS NOT NULL AND e.location.lat IS NOT NULL THEN [e.location.lon, e.location.lat] END}};
CREATE MACRO signal_evidence(s, a, e) AS {
  'api': {'operation': signal_call(s)},
  'actor': {
    'user': {'name': a."user".name, 'uid': a."user".uid, 'type': a."user"."type", 'type_id': user_type_id(a."user"."type"), 'credential_uid': a."user".credentialUid,
      'account': {'uid': a."user".account.uid, 'name': a."user".account.name}},
    'session': {'uid': a.session.uid, 'issuer': a.session.issuer,
      'is_mfa': CASE a.session.mfaStatus WHEN 'ENABLED' THEN true WHEN 'DISABLED' THEN false END}},
  -- the actor's process has no pid, which OCSF asks for; its executable is known
  'file': {'name': basename(a.process.path), 'path': a.process.path, 'type_id': 1, 'hashes': [{'algorithm_id': 3, 'value': a.process.sha256}]},
  'src_endpoint': CASE WHEN upper(e."connection".direction) = 'OUTBOUND' THEN NULL ELSE sequence_endpoint(e) END,
  'dst_endpoint': CASE WHEN upper(e."connection".direction) = 'OUTBOUND' THEN sequence_endpoint(e) END,
  'connection_info': {'direction_id': CASE upper(e."connection".direction) WHEN 'INBOUND' THEN 1 WHEN 'OUTBOUND' THEN 2 END}};

-- user.type_id of GuardDuty's user types: a root user is an administrator, roles and services are the system's.
CREATE MACRO user_type_id(t) AS CASE t WHEN 'IAMUser' THEN 1 WHEN 'Root' THEN 2 WHEN 'AWSService' THEN 3 ELSE CASE WHEN t IS NOT NULL THEN 99 END END;

-- What a finding names: each kind of resource has an object of its own.
CREATE MACRO a_resource(kind, id, n, version, namespace, region, part) AS {
  'uid': id, 'name': n, 'type': CASE WHEN coalesce(id, n) IS NOT NULL THEN kind END, 'version': version, 'namespace': namespace,
  'region': CASE WHEN coalesce(id, n) IS NOT NULL THEN region END, 'cloud_partition': CASE WHEN coalesce(id, n) IS NOT NULL THEN part END};
CREATE MACRO resources_of(r, region, part) AS list_concat(
  list_filter([
    a_resource('AccessKey', r.accessKeyDetails.accessKeyId, r.accessKeyDetails.userName, NULL, NULL, region, part),
    a_resource('Instance', r.instanceDetails.instanceId, NULL, NULL, NULL, region, part),
    a_resource('EKSCluster', r.eksClusterDetails.arn, r.eksClusterDetails.name, NULL, NULL, region, part),
    a_resource('KubernetesWorkload', r.kubernetesDetails.kubernetesWorkloadDetails.uid, r.kubernetesDetails.kubernetesWorkloadDetails.name,
      NULL, r.kubernetesDetails.kubernetesWorkloadDetails.namespace, region, part),
    a_resource('ECSCluster', r.ecsClusterDetails.arn, r.ecsClusterDetails.name, NULL, NULL, region, part),
    a_resource('Container', r.containerDetails.id, r.containerDetails.name, NULL, NULL, region, part),
    a_resource('RDSDBInstance', r.rdsDbInstanceDetails.dbInstanceArn, r.rdsDbInstanceDetails.dbInstanceIdentifier,
      r.rdsDbInstanceDetails.engineVersion, NULL, region, part),
    a_resource('RDSLimitlessDB', r.rdsLimitlessDbDetails.dbShardGroupArn, r.rdsLimitlessDbDetails.dbShardGroupIdentifier,
      r.rdsLimitlessDbDetails.engineVersion, NULL, region, part),
    a_resource('EBSSnapshot', r.ebsSnapshotDetails.snapshotArn, NULL, NULL, NULL, region, part),
    a_resource('EC2Image', r.ec2ImageDetails.imageArn, NULL, NULL, NULL, region, part),
    a_resource('RecoveryPoint', r.recoveryPointDetails.recoveryPointArn, r.recoveryPointDetails.backupVaultName, NULL, NULL, region, part),
    a_resource('Lambda', r.lambdaDetails.functionArn, r.lambdaDetails.functionName, r.lambdaDetails.functionVersion, NULL, region, part)
  ], lambda x: x."type" IS NOT NULL),
  list_transform(r.s3BucketDetails, lambda b: a_resource('S3Bucket', b.arn, b.name, NULL, NULL, region, part)));

-- Where the event has the values of a finding: the resource of a kind, and the two ends of a connection.
CREATE MACRO resource_of(resources, kind) AS list_filter(resources, lambda r: r."type" = kind)[1];
CREATE MACRO local_endpoint(e) AS CASE WHEN e.connection_info.direction_id = 2 THEN e.src_endpoint ELSE e.dst_endpoint END;
CREATE MACRO remote_endpoint(e) AS CASE WHEN e.connection_info.direction_id = 2 THEN e.dst_endpoint ELSE e.src_endpoint END;
