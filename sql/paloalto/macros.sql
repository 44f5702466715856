-- A threat is written name(number). In a URL log the name is empty.
CREATE MACRO threat_name(t) AS nullif(regexp_extract(t, '^(.*)\([0-9]+\)$', 1), '');
CREATE MACRO threat_number(t) AS nullif(regexp_extract(t, '\(([0-9]+)\)$', 1), '');

-- The subtypes of threats that are malware, and not an attack, a URL or a file.
CREATE MACRO is_malware(subtype) AS subtype IN ('virus', 'wildfire-virus', 'ml-virus', 'spyware');

-- A time of the firewall's clock. The offset of high_res_timestamp is that of the clock.
CREATE MACRO pan_time(t, high_res, zone) AS time_of_log(t, coalesce(nullif(replace(regexp_extract(high_res, 'T.*(Z|[+-][0-9]{2}:[0-9]{2})$', 1), 'Z', '+00:00'), ''), zone), NULL, NULL);

-- The time of a record: high_res_timestamp unless it is that of 1970, which says that there is none.
CREATE MACRO pan_event_time(high_res, generated, zone) AS coalesce(CASE WHEN NOT starts_with(high_res, '1970-') THEN pan_time(high_res, high_res, zone) END, pan_time(generated, high_res, zone));

-- Whether the flags of a session say that URL filtering denied it (0x00800000).
CREATE MACRO pan_url_denied(flags) AS coalesce(regexp_matches(flags, '^0[xX][0-9a-fA-F]*[89a-fA-F][0-9a-fA-F]{5}$') OR TRY_CAST(CASE WHEN NOT starts_with(flags, '0x') THEN flags END AS BIGINT) & 8388608 > 0, FALSE);

-- The action that the firewall took in the end. A session that a rule allowed can be dropped or denied, also by URL filtering, or
-- ended because of a threat or of its certificate.
CREATE MACRO pan_verdict(a, subtype, reason, flags) AS CASE WHEN a NOT IN ('allow', 'alert') THEN a WHEN pan_url_denied(flags) THEN 'block' WHEN a = 'alert' THEN a WHEN subtype IN ('drop', 'deny') THEN subtype
  WHEN reason IN ('threat', 'policy-deny', 'decrypt-cert-validation', 'decrypt-unsupport-param', 'decrypt-error') THEN 'block' ELSE a END;

-- srcloc and dstloc are a country's code, or a range of addresses.
CREATE MACRO country(loc) AS CASE WHEN regexp_full_match(loc, '[A-Z]{2}') THEN loc END;

-- action_id: whether the firewall's action allows the session.
CREATE MACRO pan_action_id(a) AS CASE
  WHEN a IN ('allow', 'alert', 'continue', 'override', 'syncookie-sent') THEN 1
  WHEN starts_with(a, 'deny') OR starts_with(a, 'drop') OR starts_with(a, 'reset') OR starts_with(a, 'block')
    OR a IN ('random-drop', 'sinkhole', 'override-lockout') THEN 2
  WHEN a IS NULL THEN 0 ELSE 99 END;

-- disposition_id: how the firewall allowed or stopped it.
CREATE MACRO pan_disposition_id(a) AS CASE
  WHEN a IN ('allow', 'continue', 'override') THEN 1 -- Allowed
  WHEN a = 'alert' THEN 19                           -- Alert
  WHEN a = 'syncookie-sent' THEN 23                  -- Challenge
  WHEN starts_with(a, 'drop') OR a = 'random-drop' THEN 6 -- Dropped
  WHEN starts_with(a, 'reset') THEN 21               -- Reset
  WHEN a = 'sinkhole' THEN 7                         -- Custom Action
  WHEN starts_with(a, 'deny') OR starts_with(a, 'block') OR a = 'override-lockout' THEN 2 -- Blocked
  WHEN a IS NULL THEN 0 ELSE 99 END;

-- A user name. Some forwarders double the backslash after the domain.
CREATE MACRO pan_user(t) AS replace(known(t), '\\', '\');

-- GlobalProtect's events that are a login or a logout of a user: portal-auth, gateway-auth, gateway-logout, ...
CREATE MACRO pan_vpn_login(event, who) AS regexp_full_match(event, '(?:portal|gateway|gw)-(?:auth|logout)|clientlessvpn-(?:login|logout)') AND known(who) IS NOT NULL;

-- auth_protocol_id of an authentication method, or of a protocol of RADIUS.
CREATE MACRO pan_auth_protocol(t) AS CASE WHEN known(t) IS NULL THEN 0 WHEN lower(t) = 'kerberos' THEN 2 WHEN lower(t) = 'saml' THEN 5
  WHEN lower(t) = 'pap' THEN 7 WHEN lower(t) = 'chap' THEN 8 WHEN regexp_matches(lower(t), '^p?eap\b') THEN 9 WHEN lower(t) = 'radius' THEN 10 ELSE 99 END;

-- The parts of "User U logged in via Web from A using https": the user, in or out, and the address.
CREATE MACRO pan_admin_part(t, n) AS nullif(regexp_extract(t, '^User (.+) logged (in|out) via \S+ from (\S+?)(?: using \S+)?\s*$', n), '');

-- The parts of "GlobalProtect gateway user authentication succeeded. Login from: A, User name: U, ..." of PAN-OS 9.0 and before: authentication
-- or logout, succeeded or failed, the address, and the user.
CREATE MACRO pan_portal_part(t, n) AS nullif(regexp_extract(t, '^GlobalProtect (?:portal|gateway) user (authentication|logout) (succeeded|failed)\. (?:Login from: ([^,]*), )?(?:Source region: [^,]*, )?User name: ([^,]+)', n), '');

-- Whether a system log is about a login or a logout. Other logs of authentication say that a server failed, or that a method is weak.
CREATE MACRO pan_system_login(event, t) AS CASE
  WHEN event IN ('auth-success', 'auth-fail') THEN regexp_matches(t, '^(?:Kerberos SSO )?(?:authenticated|failed authentication) for user ')
  ELSE coalesce(pan_admin_part(t, 1), known(pan_portal_part(t, 4))) IS NOT NULL END;

-- The user of such a log: for user 'U'. Reason: ..., From: A. A name that holds such a text itself is kept whole.
CREATE MACRO pan_system_user(t) AS coalesce(pan_admin_part(t, 1), pan_portal_part(t, 4), nullif(regexp_extract(t, ' for user ''(.*)''\.?\s+(?:Reason: |realm ''|auth profile ''|vsys ''|From: )', 1), ''),
  nullif(regexp_extract(t, ' for user ([^\s'']\S*?)\.(?:\s|$)', 1), ''), nullif(regexp_extract(t, ' for user (.*)$', 1), ''), t);
CREATE MACRO pan_system_from(t) AS coalesce(pan_admin_part(t, 3), pan_portal_part(t, 3), nullif(regexp_extract(t, '[\s,]From: ([0-9A-Fa-f.:]+?)\.?\s*$', 1), ''));
CREATE MACRO pan_system_reason(t) AS nullif(regexp_extract(t, '\.\s+Reason: (.*?)\.?,?\s+(?:auth profile|vsys|From: )', 1), '');
