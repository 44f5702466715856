-- Reads a time of CEF: milliseconds or seconds since 1970, "MMM dd yyyy HH:mm:ss" with or without milliseconds, as UTC, or
-- ISO 8601.
-- If a product's clock is in another zone, write time_in_zone(t, '%b %d %Y %H:%M:%S', 'Europe/Berlin') for the second line.
CREATE MACRO cef_time(t) AS coalesce(
  CASE WHEN regexp_full_match(t, '[0-9]{13}') THEN time_from_ms(t) WHEN regexp_full_match(t, '[0-9]{10}') THEN time_from_s(t) END,
  time_from_text(t, '%b %d %Y %H:%M:%S'),
  time_from_text(t, '%b %d %Y %H:%M:%S.%f'),
  time_from_text(regexp_replace(t, ' (UTC|GMT)$', ''), '%b %d %Y %H:%M:%S'),
  time_from_text(regexp_replace(t, ' (UTC|GMT)$', ''), '%b %d %Y %H:%M:%S.%f'),
  time_with_offset(regexp_replace(t, 'Z$', '+00:00'), '%Y-%m-%dT%H:%M:%S%z'),
  time_with_offset(regexp_replace(t, 'Z$', '+00:00'), '%Y-%m-%dT%H:%M:%S.%f%z'));

-- severity_id: 0 to 10, or ArcSight's words for them.
CREATE MACRO cef_severity_id(s) AS CASE lower(s)
  WHEN '0' THEN 1 WHEN '1' THEN 2 WHEN '2' THEN 2 WHEN '3' THEN 2 WHEN 'low' THEN 2
  WHEN '4' THEN 3 WHEN '5' THEN 3 WHEN '6' THEN 3 WHEN 'medium' THEN 3
  WHEN '7' THEN 4 WHEN '8' THEN 4 WHEN 'high' THEN 4
  WHEN '9' THEN 5 WHEN '10' THEN 5 WHEN 'very-high' THEN 5
  WHEN 'unknown' THEN 0 ELSE 99 END;

-- The result of the connection, by the words that products use.
CREATE MACRO cef_passed(act) AS regexp_matches(lower(act), '^(allow|accept|permit|pass|detect|alert|monitor|log|notif|start|close|timeout|ok|continue|trust|built|teardown)');
CREATE MACRO cef_blocked(act) AS regexp_matches(lower(act), '^(block|den[yi]|drop|reject|reset|prevent|quarantin|terminat|discard|refuse)');
CREATE MACRO cef_action_id(act) AS CASE WHEN cef_passed(act) THEN 1 WHEN cef_blocked(act) THEN 2 WHEN act IS NULL THEN 0 ELSE 99 END;
CREATE MACRO cef_disposition_id(act) AS CASE
  WHEN regexp_matches(lower(act), '^(detect|monitor)') THEN 15 WHEN starts_with(lower(act), 'alert') THEN 19 WHEN starts_with(lower(act), 'log') THEN 17
  WHEN regexp_matches(lower(act), '^(drop|discard)') THEN 6 WHEN starts_with(lower(act), 'reject') THEN 25 WHEN starts_with(lower(act), 'reset') THEN 21
  WHEN starts_with(lower(act), 'quarantin') THEN 3 WHEN cef_passed(act) THEN 1 WHEN cef_blocked(act) THEN 2 WHEN act IS NULL THEN 0 ELSE 99 END;

-- The dictionary has "in" for what flows from source to destination. These vendors have it for what the source receives.
CREATE MACRO cef_in_is_received(vendor) AS vendor IN ('Fortinet');
