-- A threat is written name(number). In a URL log the name is empty.
CREATE MACRO threat_name(t) AS nullif(regexp_extract(t, '^(.*)\([0-9]+\)$', 1), '');
CREATE MACRO threat_number(t) AS nullif(regexp_extract(t, '\(([0-9]+)\)$', 1), '');

-- The subtypes of threats that are malware, and not an attack, a URL or a file.
CREATE MACRO is_malware(subtype) AS subtype IN ('virus', 'wildfire-virus', 'ml-virus', 'spyware');

-- A time of the firewall's clock. The offset of high_res_timestamp is that of the clock.
CREATE MACRO pan_time(t, high_res, zone) AS time_of_log(t, coalesce(nullif(replace(regexp_extract(high_res, 'T.*(Z|[+-][0-9]{2}:[0-9]{2})$', 1), 'Z', '+00:00'), ''), zone), NULL, NULL);

-- The time of a record: high_res_timestamp unless it is that of 1970, which says that there is none.
CREATE MACRO pan_event_time(high_res, generated, zone) AS coalesce(CASE WHEN NOT starts_with(high_res, '1970-') THEN pan_time(high_res, high_res, zone) END, pan_time(generated, high_res, zone));

-- The action that the firewall took in the end. A session that a rule allowed can be dropped or denied, or ended because of a threat
-- or of its certificate.
CREATE MACRO pan_verdict(a, subtype, reason) AS CASE WHEN a <> 'allow' THEN a WHEN subtype IN ('drop', 'deny') THEN subtype
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
