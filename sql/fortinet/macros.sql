-- eventtime by its length: 10 digits are seconds, 13 milliseconds, 16 microseconds, 19 nanoseconds.
CREATE MACRO fortinet_eventtime(t) AS CASE length(t)
  WHEN 10 THEN time_from_s(t) WHEN 13 THEN time_from_ms(t) WHEN 16 THEN time_from_us(t) WHEN 19 THEN time_from_ns(t) END;

-- The time of a log: eventtime, else the firewall's clock and its offset, else its clock as UTC.
CREATE MACRO fortinet_time(eventtime, day, clock, tz) AS coalesce(fortinet_eventtime(eventtime),
  time_with_offset(day || ' ' || clock || tz, '%Y-%m-%d %H:%M:%S%z'),
  CASE WHEN tz IS NULL THEN time_from_text(day || ' ' || clock, '%Y-%m-%d %H:%M:%S') END);

-- severity_id of a level of syslog, in words.
CREATE MACRO level_severity(t) AS CASE lower(t)
  WHEN 'emergency' THEN 6 WHEN 'alert' THEN 5 WHEN 'critical' THEN 5 WHEN 'error' THEN 4 WHEN 'warning' THEN 3 WHEN 'notice' THEN 1
  WHEN 'information' THEN 1 WHEN 'debug' THEN 1 END;

-- severity_id of an attack, or of a client's reputation.
CREATE MACRO threat_severity(t) AS CASE lower(t)
  WHEN 'info' THEN 1 WHEN 'low' THEN 2 WHEN 'medium' THEN 3 WHEN 'high' THEN 4 WHEN 'critical' THEN 5 END;

-- What the firewall did. Of a session that was let through, action says how it ended; utm writes both - and _ between words.
CREATE MACRO fortinet_passed(a) AS replace(a, '_', '-') IN ('accept', 'start', 'close', 'timeout', 'client-rst', 'server-rst', 'ip-conn', 'dns', 'pass',
  'passthrough', 'passthru', 'permit', 'exempt', 'monitored', 'monitor', 'detected', 'detect', 'pass-session', 'log-only', 'analytics', 'submitted');
CREATE MACRO fortinet_blocked(a) AS replace(a, '_', '-') IN ('deny', 'block', 'blocked', 'dropped', 'drop', 'drop-session', 'reset', 'reset-client', 'reset-server', 'reset-both',
  'clear-session', 'redirect', 'redirected', 'quarantine', 'content-disarmed', 'violation');
CREATE MACRO fortinet_action_id(a) AS CASE WHEN fortinet_passed(a) THEN 1 WHEN fortinet_blocked(a) THEN 2 WHEN a IS NULL THEN 0 ELSE 99 END;
CREATE MACRO fortinet_disposition_id(a) AS CASE
  WHEN replace(a, '_', '-') IN ('detected', 'detect', 'monitored', 'monitor') THEN 15 -- Detected
  WHEN replace(a, '_', '-') IN ('dropped', 'drop', 'drop-session') THEN 6             -- Dropped
  WHEN starts_with(a, 'reset') THEN 21                                                -- Reset
  WHEN a = 'quarantine' THEN 3                                                        -- Quarantined
  WHEN fortinet_passed(a) THEN 1                                                      -- Allowed
  WHEN fortinet_blocked(a) THEN 2                                                     -- Blocked
  WHEN a IS NULL THEN 0 ELSE 99 END;

-- direction_id by the roles of the interfaces, else by the addresses.
CREATE MACRO fortinet_direction(src_role, dst_role, src, dst) AS CASE
  WHEN src_role = 'wan' AND dst_role IN ('lan', 'dmz') THEN 1 WHEN src_role IN ('lan', 'dmz') AND dst_role = 'wan' THEN 2
  WHEN src_role IN ('lan', 'dmz') AND dst_role IN ('lan', 'dmz') THEN 3 ELSE direction_between(src, dst) END;
