-- Devices of users about which GlobalProtect reported host information that matched an object or a profile (matchname in unmapped).
-- The device is the user's. The firewall is in unmapped.
-- class: inventory_info
-- consumes: srcuser = windows_user(actor."user"."domain", actor."user".name)
-- consumes: src = coalesce(CASE WHEN is_ipv4(device.ip) THEN device.ip END, '0.0.0.0')
-- consumes: srcipv6 = coalesce(CASE WHEN is_ipv6(device.ip) THEN device.ip END, '0.0.0.0')
-- consumes: mac = device.mac
SELECT
  {
    'type_id': 0, -- Unknown: the log does not say what it is
    'hostname': machinename,
    'uid': hostid,
    'ip': coalesce(known_ip(src), known_ip(srcipv6)),
    'mac': known_mac(mac),
    'os': {
      'name': os,
      'type_id': CASE WHEN os ILIKE 'windows%' THEN 100 WHEN os ILIKE 'mac%' THEN 300 WHEN os ILIKE 'ios%' THEN 301 WHEN os ILIKE 'android%' THEN 201
        WHEN os ILIKE 'linux%' THEN 200 WHEN os IS NOT NULL THEN 99 END},
    'hw_info': {'serial_number': serialnumber}
  } AS device, -- the user's, instead of the firewall
  list_transform([pan_user(srcuser)], lambda u: user_of(u))[1] AS "actor.user.name",
  list_transform([pan_user(srcuser)], lambda u: domain_of(u))[1] AS "actor.user.domain",

  1 AS activity_id, -- Log
  1 AS severity_id, -- a HIP match log has none
  repeatcnt AS "count"
FROM raw
WHERE "type" IN ('HIPMATCH', 'HIP-MATCH');
