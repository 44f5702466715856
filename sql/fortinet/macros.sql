-- The time of a log: eventtime, else the firewall's clock and its offset, else its clock in source.timezone of the job file (UTC).
CREATE MACRO fortinet_time(eventtime, day, clock, tz, zone) AS coalesce(time_from_epoch(eventtime),
  time_with_offset(day || ' ' || clock || tz, '%Y-%m-%d %H:%M:%S%z'),
  CASE WHEN tz IS NULL THEN time_in_zone(day || ' ' || clock, '%Y-%m-%d %H:%M:%S', coalesce(zone, 'UTC')) END);

-- The minutes of an offset (+0200), and the offset of minutes.
CREATE MACRO fortinet_offset(tz) AS CASE WHEN regexp_full_match(tz, '[+-][0-9]{4}')
  THEN CASE WHEN starts_with(tz, '-') THEN -1 ELSE 1 END * (TRY_CAST(substr(tz, 2, 2) AS INTEGER) * 60 + TRY_CAST(substr(tz, 4, 2) AS INTEGER)) END;
CREATE MACRO fortinet_zone(minutes) AS CASE WHEN minutes < 0 THEN '-' ELSE '+' END || format('{:02d}{:02d}', abs(minutes) // 60, abs(minutes) % 60);

-- severity_id of a level of syslog, in words.
CREATE MACRO level_severity(t) AS CASE lower(t)
  WHEN 'emergency' THEN 6 WHEN 'alert' THEN 5 WHEN 'critical' THEN 5 WHEN 'error' THEN 4 WHEN 'warning' THEN 3 WHEN 'notice' THEN 1
  WHEN 'information' THEN 1 WHEN 'debug' THEN 1 END;

-- severity_id of an attack, or of a client's reputation.
CREATE MACRO threat_severity(t) AS CASE lower(t)
  WHEN 'info' THEN 1 WHEN 'low' THEN 2 WHEN 'medium' THEN 3 WHEN 'high' THEN 4 WHEN 'critical' THEN 5 END;

-- What the firewall did with the session. Of a session that the policy let through, action says how it ended, and utmaction
-- what the inspection did. utm logs write both - and _ between words.
CREATE MACRO fortinet_passed(a) AS replace(lower(a), '_', '-') IN ('accept', 'allow', 'allowed', 'start', 'close', 'timeout', 'client-rst', 'server-rst', 'ip-conn', 'dns',
  'pass', 'passed', 'passthrough', 'passthru', 'permit', 'exempt', 'monitored', 'monitor', 'detected', 'detect', 'pass-session', 'log-only', 'logged', 'analytics', 'submitted',
  'traffic-shape', 'tagged');
CREATE MACRO fortinet_blocked(a) AS replace(lower(a), '_', '-') IN ('deny', 'denied', 'block', 'blocked', 'dropped', 'drop', 'drop-session', 'reset', 'reset-client',
  'reset-server', 'reset-both', 'clear-session', 'redirect', 'redirected', 'quarantine', 'quarantined', 'content-disarmed', 'violation', 'ssl-anomaly-block', 'banned');
-- The verdict is what stopped the session: the policy (action), or the inspection (utmaction).
CREATE MACRO fortinet_verdict(a, utm) AS CASE WHEN fortinet_blocked(a) THEN a WHEN fortinet_blocked(utm) THEN utm ELSE coalesce(a, utm) END;
CREATE MACRO fortinet_action_id(a) AS CASE WHEN fortinet_passed(a) THEN 1 WHEN fortinet_blocked(a) THEN 2 WHEN a IS NULL THEN 0 ELSE 99 END;
CREATE MACRO fortinet_disposition_id(a) AS CASE
  WHEN lower(a) IN ('detected', 'detect', 'monitored', 'monitor') THEN 15               -- Detected
  WHEN replace(lower(a), '_', '-') IN ('dropped', 'drop', 'drop-session') THEN 6        -- Dropped
  WHEN starts_with(lower(a), 'reset') THEN 21                                           -- Reset
  WHEN lower(a) IN ('quarantine', 'quarantined') THEN 3                                 -- Quarantined
  WHEN lower(a) IN ('log-only', 'log_only', 'logged') THEN 17                           -- Logged
  WHEN fortinet_passed(a) THEN 1                                                        -- Allowed
  WHEN fortinet_blocked(a) THEN 2                                                       -- Blocked
  WHEN a IS NULL THEN 0 ELSE 99 END;

-- The kinds of logs that tell of traffic: traffic itself, and what inspection found in it. FortiOS 5.6 and 6.0 give some
-- inspection logs a type of their own, and later releases the type utm.
CREATE MACRO fortinet_inspects(kind) AS lower(kind) IN ('utm', 'anomaly', 'app-ctrl', 'casb', 'cifs', 'dlp', 'dns', 'emailfilter', 'file-filter', 'icap', 'ips', 'sctp-filter',
  'spamfilter', 'ssh', 'ssl', 'virtual-patch', 'virus', 'voip', 'waf', 'webfilter');

-- direction_id by the roles of the interfaces, else by the addresses. Multicast and broadcast do not leave the site.
CREATE MACRO fortinet_direction(src_role, dst_role, src, dst) AS CASE
  WHEN is_group_ip(dst) THEN direction_between(src, dst)
  WHEN src_role = 'wan' AND dst_role IN ('lan', 'dmz') THEN 1 WHEN src_role IN ('lan', 'dmz') AND dst_role = 'wan' THEN 2
  WHEN src_role IN ('lan', 'dmz') AND dst_role IN ('lan', 'dmz') THEN 3 ELSE direction_between(src, dst) END;

-- Event logs that tell of one user's login or logout, at the firewall or through it. Who logs in to the SSL VPN is in a log of a
-- tunnel of the user (messages 39424 and 39425); the tunnel of the session has others.
CREATE MACRO fortinet_login(kind, a, who, id) AS lower(kind) = 'event' AND known(who) IS NOT NULL
  AND (lower(a) IN ('login', 'logout', 'authentication', 'auth-logon', 'auth-logout', 'fsso-logon', 'fsso-logoff', 'ssl-login-fail')
    OR lower(a) IN ('tunnel-up', 'tunnel-down') AND right(id, 5) IN ('39424', '39425'));

-- Event logs of an IPsec tunnel that came up or went down between two gateways, or a gateway and a client.
CREATE MACRO fortinet_tunnel(kind, a, local, remote) AS lower(kind) = 'event' AND lower(a) IN ('tunnel-up', 'tunnel-down')
  AND known_ip(local) IS NOT NULL AND known_ip(remote) IS NOT NULL;
