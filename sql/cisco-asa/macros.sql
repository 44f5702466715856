-- The time in the header of a line: the last one, because a relay writes its own in front.
CREATE MACRO asa_stamp(head) AS nullif(regexp_extract(head,
  '(?:.*[^0-9A-Za-z]|^)((?:[A-Z][a-z]{2} {1,2}[0-9]{1,2} (?:[0-9]{4} )?[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?: [0-9]{4})?(?: (?:UTC|MSK|[A-Z]{1,4}T)(?: ?:|$))?)|(?:[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?))', 1), '');

-- The host in the header of a line: what follows the first time, or the first word without one.
CREATE MACRO asa_host(head) AS nullif(regexp_extract(regexp_replace(head,
  '^[^0-9A-Za-z]*(?:[0-9]+ )?(?:(?:[A-Z][a-z]{2} {1,2}[0-9]{1,2} (?:[0-9]{4} )?[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?: [0-9]{4})?(?: (?:UTC|MSK|[A-Z]{1,4}T)(?: ?:|$))?)|(?:[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?))[: ]*', ''),
  '^([^ :]+)', 1), '');

-- The time of a message: of the header, else of FTD's connection, else of the object.
CREATE MACRO asa_time(head, zone, zones, year, yyyy, mm, first_packet, seconds, changed) AS list_transform([asa_stamp(head)],
  lambda t: CASE WHEN t IS NOT NULL THEN time_of_log(rtrim(t, ' :'), zone, zones, year_of_log(rtrim(t, ' :'), year, yyyy, mm, changed))
    ELSE coalesce(first_packet + to_seconds(coalesce(seconds, 0)), time_of_log(changed, NULL, NULL, NULL)) END)[1];

-- severity_id of a level of syslog: emergency, alert, critical, error, warning, and what is below.
CREATE MACRO asa_severity(n) AS CASE n WHEN 0 THEN 6 WHEN 1 THEN 5 WHEN 2 THEN 5 WHEN 3 THEN 4 WHEN 4 THEN 3 ELSE 1 END;
CREATE MACRO ftd_severity(t) AS CASE lower(t) WHEN 'high' THEN 4 WHEN 'medium' THEN 3 ELSE 1 END;

-- An address, or a name that the firewall's configuration gives it.
CREATE MACRO asa_is_ip(t) AS regexp_full_match(t, '[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+') OR contains(t, ':');
CREATE MACRO asa_ip(t) AS CASE WHEN asa_is_ip(t) THEN t END;
CREATE MACRO asa_name(t) AS CASE WHEN NOT asa_is_ip(t) THEN t END;

-- The milliseconds of 0:02:05 or 0h:02m:05s, and the texts of milliseconds.
CREATE MACRO asa_ms(t) AS CASE WHEN regexp_full_match(t, '[0-9]{1,9}h?:[0-9]{1,2}m?:[0-9]{1,2}s?') THEN 1000 * (
  CAST(rtrim(split_part(t, ':', 1), 'h') AS BIGINT) * 3600 + CAST(rtrim(split_part(t, ':', 2), 'm') AS BIGINT) * 60 + CAST(rtrim(split_part(t, ':', 3), 's') AS BIGINT)) END;
CREATE MACRO asa_clock(ms) AS format('{}:{:02d}:{:02d}', ms // 3600000, ms // 60000 % 60, ms // 1000 % 60);
CREATE MACRO asa_hms(ms) AS format('{}h:{:02d}m:{:02d}s', ms // 3600000, ms // 60000 % 60, ms // 1000 % 60);

-- The user of (LOCAL\ada, 12:staff): without the security group, and without LOCAL where a domain follows.
CREATE MACRO asa_user(t) AS CASE WHEN regexp_full_match(t, '[0-9]+(:.*)?') THEN NULL
  ELSE nullif(regexp_replace(regexp_replace(t, ', *[0-9]+(:.*)?$', ''), '^LOCAL\\+(.+\\)', '\1'), '') END;

-- The domain and the name of an account: DOMAIN\ada. A VPN user's ada@example.com is one name.
CREATE MACRO asa_account_domain(t) AS nullif(regexp_extract(t, '^(.+)\\[^\\]*$', 1), '');
CREATE MACRO asa_account_name(t) AS nullif(regexp_extract(t, '([^\\]*)$', 1), '');

-- The word of a message for what the firewall did.
CREATE MACRO asa_verdict(message) AS regexp_extract(message,
  'Inbound \w+ connection denied|Deny inbound \(No xlate\)|Deny inbound UDP|Deny inbound|Deny IP|Deny TCP|Deny|Denied|permitted|denied|est-allowed|access denied by ACL|access permitted|request discarded|(?:IPS|SFR) requested to drop|Successful|Rejected|rejected|successful|ACCEPT|succeeded|failed|terminated normally|disconnected by SSH server');

-- The protocol's number, and its name.
CREATE MACRO asa_protocol(t) AS iana_protocol(CASE lower(t) WHEN 'ipv6-icmp' THEN 'ipv6-icmp' ELSE lower(t) END);

-- What the verdict of a message says.
CREATE MACRO asa_permitted(t) AS lower(t) IN ('permitted', 'est-allowed', 'access permitted', 'monitored');

-- Numbers of messages by what they become.
CREATE MACRO asa_connection(id) AS id IN ('302013', '302014', '302015', '302016', '302017', '302018', '302303', '302304', '302020', '302021');
CREATE MACRO asa_translation(id) AS id IN ('305009', '305010', '305011', '305012');
CREATE MACRO asa_refusal(id) AS id IN ('106001', '106006', '106007', '106010', '106011', '106012', '106014', '106015', '106016', '106017', '106020', '106021', '106022',
  '106023', '106100', '106102', '106103', '305006', '305013', '313001', '313004', '313005', '313008', '313009', '420002', '434002', '710002', '710003', '710005', '710006')
  OR starts_with(id, '338') AND id < '338300';
CREATE MACRO asa_login(id) AS id IN ('113004', '113005', '113008', '113012', '113013', '113014', '113015', '113016', '113017', '113019', '113021', '113029', '113033',
  '113035', '113038', '113039', '315011', '605004', '605005', '611101', '611102', '611103', '716001', '716002', '716038', '716039', '722022', '722023', '722051', '751025');
CREATE MACRO asa_account(id) AS id IN ('113006', '113007', '502101', '502102', '502103');
CREATE MACRO asa_command(id) AS id IN ('111008', '111009', '111010');
CREATE MACRO asa_signature(id) AS starts_with(id, '4000') AND length(id) = 6;
CREATE MACRO asa_taken(id) AS asa_connection(id) OR asa_translation(id) OR asa_refusal(id) OR asa_login(id) OR asa_account(id) OR asa_command(id) OR asa_signature(id)
  OR id IN ('430001', '430002', '430003', '430004', '430005');

-- Whether FTD's verdict on a file is that it is malware.
CREATE MACRO ftd_malware(disposition, act) AS coalesce(lower(disposition) IN ('malware', 'custom detection') OR lower(act) IN ('malware block', 'custom detection block'), FALSE);
CREATE MACRO ftd_blocked(act) AS starts_with(lower(act), 'block') OR ends_with(lower(act), 'block') OR lower(act) IN ('interactive block', 'dropped', 'drop');
-- An identifier of the connection in which FTD found something.
CREATE MACRO ftd_uid(device, instance, first_packet, connection, found) AS concat_ws('/', device, instance, strftime(first_packet, '%Y-%m-%dT%H:%M:%SZ'), connection, found);
