-- A time: seconds to nanoseconds since 1970, a Windows FILETIME (18 digits, which no other time of our days has), or a text. 0 is no time.
CREATE MACRO falcon_time(v) AS CASE WHEN regexp_full_match(v, '1[0-9]{17}') THEN time_from_filetime(v)
  WHEN starts_with(v, '1970-01-01') THEN NULL ELSE time_of_log(v, NULL, NULL, NULL) END;

CREATE MACRO falcon_severity(kind, name, score) AS CASE lower(name)
  WHEN 'informational' THEN 1 WHEN 'info' THEN 1 WHEN 'low' THEN 2 WHEN 'medium' THEN 3 WHEN 'high' THEN 4 WHEN 'critical' THEN 5
  ELSE CASE
    WHEN kind = 'DetectionSummaryEvent' AND score BETWEEN 1 AND 5 THEN score
    WHEN score BETWEEN 80 AND 100 THEN 5 WHEN score BETWEEN 60 AND 79 THEN 4 WHEN score BETWEEN 40 AND 59 THEN 3
    WHEN score BETWEEN 20 AND 39 THEN 2 WHEN score BETWEEN 10 AND 19 THEN 1 ELSE 0 END END;

-- The name of an event type: FDR puts Event_ before it, and some clients write it in capitals.
CREATE MACRO falcon_kind(t) AS regexp_replace(t, '^Event_', '');
CREATE MACRO falcon_is_detection(t) AS regexp_full_match(t, '(?i)(?:Event_)?(?:\w*DetectionSummaryEvent|IdentityProtectionEvent|AutomatedLeadSummaryEvent)');

-- The state of an identity incident.
CREATE MACRO falcon_status(state) AS CASE
  WHEN state IS NULL OR upper(state) IN ('NEW', 'OPEN') THEN 1
  WHEN upper(state) IN ('IN_PROGRESS', 'IN PROGRESS', 'REOPENED') THEN 2
  WHEN upper(state) IN ('DISMISS', 'DISMISSED', 'IGNORED') THEN 3
  WHEN upper(state) IN ('RESOLVED', 'AUTO_RESOLVED', 'CLOSED') THEN 4 ELSE 99 END;

-- The path of a file, from a folder or a path, and the name.
CREATE MACRO falcon_path(folder, name) AS CASE
  WHEN folder IS NULL THEN CASE WHEN regexp_matches(name, '[\\/]') THEN name END
  WHEN name IS NULL OR lower(basename(folder)) = lower(name) THEN folder
  WHEN regexp_matches(folder, '[\\/]$') THEN folder || name
  ELSE folder || CASE WHEN contains(folder, '\') THEN '\' ELSE '/' END || name END;
CREATE MACRO falcon_file(folder, name) AS {'name': coalesce(basename(name), basename(folder)), 'path': falcon_path(folder, name),
  'type_id': CASE WHEN coalesce(name, folder) IS NOT NULL THEN 1 END};

-- A piece of evidence of a connection. Direction 0 is outbound, 1 inbound.
CREATE MACRO falcon_connection(c) AS {
  'src_endpoint': CASE WHEN c.ConnectionDirection = 1 THEN {'ip': c.RemoteAddress, 'port': c.RemotePort} ELSE {'ip': c.LocalAddress, 'port': c.LocalPort} END,
  'dst_endpoint': CASE WHEN c.ConnectionDirection = 1 THEN {'ip': c.LocalAddress, 'port': c.LocalPort} ELSE {'ip': c.RemoteAddress, 'port': c.RemotePort} END,
  'connection_info': {
    'direction_id': CASE c.ConnectionDirection WHEN 0 THEN 2 WHEN 1 THEN 1 ELSE 0 END,
    'protocol_num': coalesce(TRY_CAST(c.Protocol AS INTEGER), iana_protocol(c.Protocol)),
    'protocol_name': CASE WHEN TRY_CAST(c.Protocol AS INTEGER) IS NULL THEN lower(c.Protocol) ELSE iana_protocol_name(TRY_CAST(c.Protocol AS INTEGER)) END}};

-- An element of attacks: NULL where CrowdStrike's own tactic and technique are not of ATT&CK.
CREATE MACRO falcon_attack(tactic, tactic_uid, technique, technique_uid) AS list_transform([{
    'a': coalesce(nullif(regexp_extract(tactic_uid, '^TA[0-9]{4}$'), ''), CASE WHEN tactic_uid IS NULL THEN tactic_id(tactic) END),
    't': nullif(regexp_extract(technique_uid, '^T[0-9]{4}(?:\.[0-9]{3})?$'), '')}],
  lambda x: CASE WHEN coalesce(x.a, x.t) IS NOT NULL THEN {
    'tactic': {'uid': x.a, 'name': CASE WHEN x.a IS NOT NULL THEN coalesce(tactic_name(x.a), tactic) END},
    'technique': {
      'uid': split_part(x.t, '.', 1),
      'name': CASE WHEN contains(coalesce(x.t, ''), '.') THEN lookup('attack', split_part(x.t, '.', 1)).name WHEN technique_uid IS NULL OR x.t IS NOT NULL THEN technique END},
    'sub_technique': {'uid': CASE WHEN contains(x.t, '.') THEN x.t END, 'name': CASE WHEN contains(x.t, '.') THEN technique END},
    'version': lookup('attack', x.t).version} END)[1];

-- A file with its hashes.
CREATE MACRO falcon_hashed(f, sha256, sha1, md5) AS {'name': f.name, 'path': f.path, 'type_id': f.type_id,
  'hashes': list_filter([{'algorithm_id': 3, 'value': sha256}, {'algorithm_id': 2, 'value': sha1}, {'algorithm_id': 1, 'value': md5}], lambda h: h['value'] IS NOT NULL)};

-- The file of the first piece of evidence, and one of its hashes.
CREATE MACRO falcon_evidence_file(e) AS coalesce(e.process.file, e.file);
CREATE MACRO falcon_hash(f, algorithm) AS list_filter(f.hashes, lambda h: h.algorithm_id = algorithm)[1]['value'];

-- A value of an audit event by its key.
CREATE MACRO falcon_audit(pairs, k) AS nullif(list_filter(pairs, lambda p: p."Key" = k)[1].ValueString, '');
-- activity_id of an operation, such as createUser, grantUserRoles, DeleteAPIClients: Create, Read, Update, Delete, Other.
CREATE MACRO falcon_change(operation) AS CASE
  WHEN regexp_matches(operation, '(?i)^(?:create|add|grant|generate|install)') THEN 1
  WHEN regexp_matches(operation, '(?i)^(?:get|list|read|view|query|download|export)') THEN 2
  WHEN regexp_matches(operation, '(?i)^(?:update|edit|change|modify|reset|enable|disable|activate|deactivate)|_update$') THEN 3
  WHEN regexp_matches(operation, '(?i)^(?:delete|remove|revoke|uninstall)') THEN 4
  ELSE 99 END;
CREATE MACRO falcon_is_login(kind, operation) AS coalesce(kind = 'AuthActivityAuditEvent' AND operation IN ('userAuthenticate', 'twoFactorAuthenticate', 'saml2Assert'), FALSE);
CREATE MACRO falcon_mail(t) AS CASE WHEN regexp_full_match(t, '[^@\s\\]+@[^@\s]+\.[^@\s]+') THEN t END;
