-- The GUID that Sysmon writes for an unknown process.
CREATE MACRO null_guid() AS '{00000000-0000-0000-0000-000000000000}';

-- Returns the file activity for a kind of registry event: a key or value was created, deleted, set or renamed.
CREATE MACRO registry_activity(kind) AS CASE kind
  WHEN 'CreateKey' THEN 1 WHEN 'CreateValue' THEN 1 WHEN 'SetValue' THEN 3 WHEN 'DeleteKey' THEN 4 WHEN 'DeleteValue' THEN 4
  WHEN 'RenameKey' THEN 5 WHEN 'RenameValue' THEN 5 ELSE 99 END;

-- The DNS response code of a Windows status of a query: 0 is done (NoError), 9001 to 9018 are DNS_ERROR_RCODE_*; NULL for all others.
-- https://learn.microsoft.com/windows/win32/debug/system-error-codes--9000-11999-
CREATE MACRO dns_rcode(status) AS CASE status
  WHEN '0' THEN 0 WHEN '9001' THEN 1 WHEN '9002' THEN 2 WHEN '9003' THEN 3 WHEN '9004' THEN 4 WHEN '9005' THEN 5 WHEN '9006' THEN 6 WHEN '9007' THEN 7
  WHEN '9008' THEN 8 WHEN '9009' THEN 9 WHEN '9010' THEN 10 WHEN '9016' THEN 16 WHEN '9017' THEN 17 WHEN '9018' THEN 18 END;

-- Returns the name of a DNS record type by its IANA number, or the number itself if the type is unusual.
CREATE MACRO dns_type(number) AS CASE number WHEN '1' THEN 'A' WHEN '2' THEN 'NS' WHEN '5' THEN 'CNAME' WHEN '6' THEN 'SOA' WHEN '12' THEN 'PTR'
  WHEN '15' THEN 'MX' WHEN '16' THEN 'TXT' WHEN '28' THEN 'AAAA' WHEN '33' THEN 'SRV' WHEN '64' THEN 'SVCB' WHEN '65' THEN 'HTTPS' ELSE number END;

-- The answers of QueryResults, as `type:  5 www.example.com;::ffff:192.0.2.7;`: a list of OCSF dns_answer. An address has no type in
-- the text; it is an A or an AAAA record.
CREATE MACRO dns_answers(results) AS list_transform(
  list_filter(string_split(results, ';'), lambda e: trim(e) NOT IN ('', '-')),
  lambda e: CASE WHEN regexp_matches(e, '^\s*type:\s*[0-9]+\s')
    THEN {'type': dns_type(regexp_extract(e, 'type:\s*([0-9]+)', 1)), 'rdata': trim(regexp_replace(e, '^\s*type:\s*[0-9]+\s+', ''))}
    ELSE {'type': CASE WHEN contains(e, ':') AND NOT regexp_matches(e, '^\s*::ffff:[0-9.]+\s*$') THEN 'AAAA' ELSE 'A' END,
          'rdata': regexp_replace(trim(e), '^::ffff:([0-9.]+)$', '\1')} END);

-- The number of a DNS record type that dns_type names.
CREATE MACRO dns_number(t) AS CASE t WHEN 'A' THEN '1' WHEN 'NS' THEN '2' WHEN 'CNAME' THEN '5' WHEN 'SOA' THEN '6' WHEN 'PTR' THEN '12'
  WHEN 'MX' THEN '15' WHEN 'TXT' THEN '16' WHEN 'AAAA' THEN '28' WHEN 'SRV' THEN '33' WHEN 'SVCB' THEN '64' WHEN 'HTTPS' THEN '65' ELSE t END;

-- QueryResults for the answers of dns_answers.
CREATE MACRO dns_results(answers) AS array_to_string(list_transform(answers, lambda a: CASE a."type" WHEN 'A' THEN '::ffff:' || a.rdata WHEN 'AAAA' THEN a.rdata
  ELSE 'type: ' || lpad(dns_number(a."type"), 2, ' ') || ' ' || a.rdata END || ';'), '');

-- process.integrity_id of an integrity level.
CREATE MACRO integrity(level) AS CASE level WHEN 'Untrusted' THEN 1 WHEN 'Low' THEN 2 WHEN 'Medium' THEN 3 WHEN 'High' THEN 4 WHEN 'System' THEN 5
  WHEN 'Protected Process' THEN 6 WHEN 'ProtectedProcess' THEN 6 ELSE CASE WHEN level IS NOT NULL THEN 99 END END;

-- process.integrity: OCSF's text, or the level itself if OCSF does not have it (AppContainer).
CREATE MACRO integrity_name(level) AS CASE WHEN level IN ('Protected Process', 'ProtectedProcess') THEN 'Protected' ELSE level END;

-- An element of attacks from a rule's name with technique_id and technique_name. The lookup attack has the name if the rule does not, and
-- the tactics of the technique.
CREATE MACRO attack_of_rule(t) AS {
  'technique': {'uid': tag_value(t, 'technique_id'), 'name': coalesce(tag_value(t, 'technique_name'), lookup('attack', tag_value(t, 'technique_id')).name)},
  'tactics': tactics_of_ids(lookup('attack', tag_value(t, 'technique_id')).tactics),
  'version': lookup('attack', tag_value(t, 'technique_id')).version};
