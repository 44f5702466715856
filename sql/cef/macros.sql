-- Reads the first of several texts that is a time (time_of_log). A time without a year takes it from the job, from the key, or from
-- when the object was last modified (year_of_log). A time without a zone is in the record's own zone (dtz) if that is an offset or a
-- known abbreviation, else in source.timezone of the job file.
CREATE MACRO cef_time(texts, dtz, zone, zones, year, yyyy, mm, changed) AS list_filter(list_transform(texts,
  lambda t: time_of_log(t, coalesce(zone_offset(dtz, zones), zone), zones, year_of_log(t, year, yyyy, mm, changed))), lambda t: t IS NOT NULL)[1];

-- severity_id: 0 to 10, or ArcSight's words for them.
CREATE MACRO cef_severity_id(s) AS CASE lower(s)
  WHEN '0' THEN 1 WHEN '1' THEN 2 WHEN '2' THEN 2 WHEN '3' THEN 2 WHEN 'low' THEN 2
  WHEN '4' THEN 3 WHEN '5' THEN 3 WHEN '6' THEN 3 WHEN 'medium' THEN 3
  WHEN '7' THEN 4 WHEN '8' THEN 4 WHEN 'high' THEN 4
  WHEN '9' THEN 5 WHEN '10' THEN 5 WHEN 'very-high' THEN 5
  WHEN 'unknown' THEN 0 ELSE 99 END;

-- The result of the connection, by the words that products use.
CREATE MACRO cef_passed(act) AS regexp_matches(lower(act), '^(?:req_)?(?:allow|accept|permit|pass(?:ed|thru|through)?\b|detect|alert|monitor|log(?:ged|ging|[-_ ]only)?$|notif|start|clos|timeout|ok$|continue|trust|built|teardown|deliver|bypass|client-rst|server-rst|ip-conn)');
CREATE MACRO cef_blocked(act) AS regexp_matches(lower(act), '^(?:req_)?(?:block|den[yi]|drop|reject|reset|prevent|quarantin|terminat|discard|refuse|sinkhol|bounce)');
-- What stopped the connection: the policy (act), or, if the policy let it through, the inspection. FortiGate says this in utmaction,
-- and PAN-OS in the reason for which the session ended.
CREATE MACRO cef_verdict(act, utm, vendor, reason) AS CASE WHEN cef_blocked(act) THEN act WHEN cef_blocked(utm) THEN utm
  WHEN vendor = 'Palo Alto Networks' AND reason IN ('threat', 'policy-deny', 'decrypt-cert-validation', 'decrypt-unsupport-param', 'decrypt-error') THEN 'block' ELSE act END;
CREATE MACRO cef_action_of(act) AS CASE WHEN cef_passed(act) THEN 1 WHEN cef_blocked(act) THEN 2 WHEN act IS NULL THEN 0 ELSE 99 END;
CREATE MACRO cef_disposition_of(act) AS CASE
  WHEN regexp_matches(lower(act), '^(detect|monitor)') THEN 15 WHEN starts_with(lower(act), 'alert') THEN 19 WHEN regexp_matches(lower(act), '^log(ged|ging|[-_ ]only)?$') THEN 17
  WHEN regexp_matches(lower(act), '^(drop|discard)') THEN 6 WHEN starts_with(lower(act), 'reject') THEN 25 WHEN starts_with(lower(act), 'reset') THEN 21
  WHEN starts_with(lower(act), 'quarantin') THEN 3 WHEN cef_passed(act) THEN 1 WHEN cef_blocked(act) THEN 2 WHEN act IS NULL THEN 0 ELSE 99 END;

CREATE MACRO cef_action_id(act, utm, vendor, reason) AS list_transform([cef_verdict(trim(act, '"'), utm, vendor, reason)], lambda a: cef_action_of(a))[1];
CREATE MACRO cef_disposition_id(act, utm, vendor, reason) AS list_transform([cef_verdict(trim(act, '"'), utm, vendor, reason)], lambda a: cef_disposition_of(a))[1];

-- The dictionary has "in" for what flows from source to destination. These vendors have it for what the source receives.
CREATE MACRO cef_in_is_received(vendor) AS vendor IN ('Fortinet');

-- Whether a text names a login or a logout, or what is checked at one.
CREATE MACRO cef_names_login(t) AS regexp_matches(t, '(?:[Ll]og|LOG|[Ss]ign|SIGN)[ _-]?(?:[Oo]n|ON|[Ii]n|IN|[Oo]ff|OFF|[Oo]ut|OUT)(?:[^a-z]|$)|(?i)\b(?:authenticat(?:e|ed|ion)|auth|passwords?|passwd|kerberos|radius|tacacs)\b');

-- PAN-OS and its log forwarding write the type of a log into the name or the event class.
CREATE MACRO cef_pan_other(kind) AS upper(replace(kind, '-', '')) IN ('SYSTEM', 'CONFIG', 'GLOBALPROTECT', 'USERID', 'HIPMATCH', 'AUTH', 'AUTHENTICATION', 'AUDIT',
  'IPTAG', 'CORRELATION');

-- Kinds of records that are not about connections, though they have addresses: logins, system and configuration logs, user-ID and
-- HIP checks. A record that names a login is about a connection all the same if it has packets, and a firewall's verdict on them.
CREATE MACRO cef_other_kind(vendor, class, name, cat, act, packets) AS CASE vendor
  WHEN 'Palo Alto Networks' THEN cef_pan_other(name) OR cef_pan_other(class)
  WHEN 'Fortinet' THEN starts_with(lower(cat), 'event:') OR starts_with(lower(name), 'event:')
  ELSE FALSE END
  OR (cef_names_login(name) OR cef_names_login(class) OR cef_names_login(act) OR cef_names_login(cat))
    AND NOT coalesce(packets AND (cef_passed(trim(act, '"')) OR cef_blocked(trim(act, '"'))), FALSE);

-- Whether a record is about a login or a logout of a user that it names.
CREATE MACRO cef_login(class, name, cat, act, who, packets) AS known(who) IS NOT NULL
  AND (cef_names_login(name) OR cef_names_login(class) OR cef_names_login(act) OR cef_names_login(cat))
  AND NOT coalesce(packets AND (cef_passed(trim(act, '"')) OR cef_blocked(trim(act, '"'))), FALSE);
