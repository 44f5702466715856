-- Reads the first of several texts that is a time (time_of_log). A time without a year takes it from the job, from the key, or from
-- when the object was last modified (year_of_log). A time without a zone is in the record's own zone (dtz) if that is an offset or a
-- known abbreviation, else in source.timezone of the job file.
CREATE MACRO cef_time(texts, dtz, zone, zones, year, yyyy, mm, changed) AS list_filter(list_transform(texts,
  lambda t: time_of_log(t, coalesce(zone_offset(trim(dtz, '"'), zones), zone), zones, year_of_log(t, year, yyyy, mm, changed))), lambda t: t IS NOT NULL)[1];

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
-- PAN-OS in the reason for which the session ended and in its flags (URL filtering denied it), and others in outcome.
CREATE MACRO cef_verdict(act, utm, vendor, reason, outcome, flags) AS CASE WHEN cef_blocked(act) THEN act WHEN cef_blocked(utm) THEN utm WHEN cef_blocked(outcome) THEN outcome
  WHEN vendor = 'Palo Alto Networks' AND regexp_matches(flags, '^0[xX][0-9a-fA-F]*[89a-fA-F][0-9a-fA-F]{5}$') THEN 'block'
  WHEN act IS NULL AND cef_passed(outcome) THEN outcome
  WHEN vendor = 'Palo Alto Networks' AND reason IN ('threat', 'policy-deny', 'decrypt-cert-validation', 'decrypt-unsupport-param', 'decrypt-error') THEN 'block' ELSE act END;
CREATE MACRO cef_action_of(act) AS CASE WHEN cef_passed(act) THEN 1 WHEN cef_blocked(act) THEN 2 WHEN act IS NULL THEN 0 ELSE 99 END;
CREATE MACRO cef_disposition_of(act) AS CASE
  WHEN regexp_matches(lower(act), '^(detect|monitor)') THEN 15 WHEN starts_with(lower(act), 'alert') THEN 19 WHEN regexp_matches(lower(act), '^log(ged|ging|[-_ ]only)?$') THEN 17
  WHEN regexp_matches(lower(act), '^(drop|discard)') THEN 6 WHEN starts_with(lower(act), 'reject') THEN 25 WHEN starts_with(lower(act), 'reset') THEN 21
  WHEN starts_with(lower(act), 'quarantin') THEN 3 WHEN cef_passed(act) THEN 1 WHEN cef_blocked(act) THEN 2 WHEN act IS NULL THEN 0 ELSE 99 END;

CREATE MACRO cef_action_id(act, utm, vendor, reason, outcome, flags) AS list_transform([cef_verdict(trim(act, '"'), utm, vendor, reason, outcome, flags)], lambda a: cef_action_of(a))[1];
CREATE MACRO cef_disposition_id(act, utm, vendor, reason, outcome, flags) AS list_transform([cef_verdict(trim(act, '"'), utm, vendor, reason, outcome, flags)], lambda a: cef_disposition_of(a))[1];

-- The dictionary has "in" for what flows from source to destination. These vendors have it for what the source receives: FortiGate for
-- rcvdbyte, and Zscaler's feeds for the size of the response.
CREATE MACRO cef_in_is_received(vendor) AS vendor IN ('Fortinet', 'Zscaler');

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

-- Whether a text names a login or a logout itself. A password that was shown, checked or changed is not a login.
CREATE MACRO cef_logs_in(t) AS regexp_matches(t, '(?:[Ll]og|LOG|[Ss]ign|SIGN)[ _-]?(?:[Oo]n|ON|[Ii]n|IN|[Oo]ff|OFF|[Oo]ut|OUT)(?:[^a-z]|$)|(?i)\b(?:authenticat(?:e|ed|ion)|auth|kerberos|radius|tacacs)\b|(?i)\b(?:failed|invalid|bad|wrong|incorrect|accepted|rejected) (?:password|passwd)\b|(?i)\bpassword (?:is |was )?(?:failed|failure|invalid|wrong|incorrect|mismatch|accepted|rejected)');

-- Whether a text is "Add user", "Creating a local user account", "User added" or "User account was created".
CREATE MACRO cef_account_verb(t, verbs, done) AS regexp_matches(t, '(?i)\b(?:' || verbs || ')(?:e|ed|ing|es|s)? (?:a |an |new |local |domain )*(?:user|account)s?\b')
  OR regexp_matches(t, '(?i)\b(?:user|account)s?(?: account)?s? (?:was |has been |is )?(?:' || done || ')\b');

-- activity_id of a change of an account, by the words of a text; NULL if it names none. Groups, roles and safes are not accounts.
CREATE MACRO cef_account_change(t) AS CASE
  WHEN regexp_matches(t, '(?i)\b(?:group|role|safe|policy|require|must|need)') THEN NULL
  WHEN regexp_matches(t, '(?i)\breset[a-z]* (?:[a-z]+ ){0,3}password|\bpassword (?:was |has been )?reset') THEN 4            -- Password Reset
  WHEN regexp_matches(t, '(?i)\bchang[a-z]* (?:[a-z]+ ){0,3}password|\bpassword (?:was |has been |is )?chang') THEN 3     -- Password Change
  WHEN cef_account_verb(t, 'creat|add', 'created|added') THEN 1
  WHEN cef_account_verb(t, 'enabl', 'enabled') THEN 2
  WHEN cef_account_verb(t, 'disabl|deactivat|suspend', 'disabled|deactivated|suspended') THEN 5
  WHEN cef_account_verb(t, 'delet|remov', 'deleted|removed') THEN 6
  WHEN cef_account_verb(t, 'lock', 'locked') THEN 9 END;

-- The change, by the first of name, action and event class that names one.
CREATE MACRO cef_change(class, name, act) AS CASE WHEN regexp_matches(concat_ws(' ', name, act, class), '(?i)user|account|password') THEN
  list_filter(list_transform([name, act, class], lambda t: cef_account_change(t)), lambda c: c IS NOT NULL)[1] END;

-- The account that was changed: duser, or the field that is labelled as the affected user, or whoever changed a password.
CREATE MACRO cef_changed_user(change, duser, label, labelled, suser) AS coalesce(known(duser), CASE WHEN regexp_matches(label, '(?i)(?:affected|target) user') THEN known(labelled) END,
  CASE WHEN change IN (3, 4) THEN known(suser) END);

-- Whether a record is about packets, with a firewall's verdict on them.
CREATE MACRO cef_has_verdict(act, packets) AS coalesce(packets AND (cef_passed(trim(act, '"')) OR cef_blocked(trim(act, '"'))), FALSE);
CREATE MACRO cef_changes(class, name, act, duser, label, labelled, suser, packets) AS list_transform([cef_change(class, name, act)], lambda c:
  c IS NOT NULL AND cef_changed_user(c, duser, label, labelled, suser) IS NOT NULL)[1] AND NOT cef_has_verdict(act, packets);

-- GlobalProtect's events that are a login or a logout of a user.
CREATE MACRO cef_vpn_login(event, who) AS coalesce(regexp_full_match(event, '(?:portal|gateway)-(?:auth|logout)|clientlessvpn-(?:login|logout)'), FALSE) AND known(who) IS NOT NULL;

-- Whether a record is about a login or a logout of a user that it names. FortiGate's messages 39424 and 39425 are those of the SSL VPN.
CREATE MACRO cef_login(vendor, class, name, cat, act, who, packets) AS known(who) IS NOT NULL
  AND (cef_logs_in(name) OR cef_logs_in(class) OR cef_logs_in(act) OR cef_logs_in(cat) OR vendor = 'Fortinet' AND class IN ('39424', '39425'))
  AND NOT cef_has_verdict(act, packets);
