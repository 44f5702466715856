-- class: network_activity
-- ocsf: 1.1.0
-- profiles: host, security_control
-- consumes: proto, suser, sntdom, "in", "out", src, dst, msg, dvchost, deviceVendor
SELECT
  coalesce(cef_time(rt), cef_time("end"), cef_time("start"), cef_time(syslog."timestamp")) AS "time",
  rt AS "metadata.original_time",
  CASE
    WHEN starts_with(lower(act), 'reset') THEN 3                                             -- Reset
    WHEN cef_blocked(act) THEN 5                                                             -- Refuse
    WHEN regexp_matches(lower(act), '^(start|built)') THEN 1                                 -- Open
    WHEN regexp_matches(lower(act), '^(close|timeout|teardown)') THEN 2                      -- Close
    ELSE 6 END AS activity_id,                                                               -- Traffic
  cef_severity_id(severity) AS severity_id,
  coalesce(msg, name) AS message,
  CASE lower(outcome) WHEN 'success' THEN 1 WHEN 'failure' THEN 2 ELSE CASE WHEN outcome IS NOT NULL THEN 99 END END AS status_id,
  reason AS status_detail,
  cnt AS "count",

  deviceEventClassId AS "metadata.event_code",
  cat AS "metadata.log_name",
  deviceProduct AS "metadata.product.name",
  coalesce(deviceVendor, 'Unknown') AS "metadata.product.vendor_name", -- OCSF requires one
  deviceVersion AS "metadata.product.version",

  0 AS "device.type_id", -- Unknown: CEF does not say what it is
  deviceExternalId AS "device.uid",
  coalesce(dvchost, syslog.host) AS "device.hostname",
  dvc AS "device.ip",
  dvcmac AS "device.mac",

  coalesce(src, CASE WHEN c6a2Label ILIKE '%source%' THEN c6a2 END) AS "src_endpoint.ip",
  spt AS "src_endpoint.port",
  shost AS "src_endpoint.hostname",
  smac AS "src_endpoint.mac",
  deviceInboundInterface AS "src_endpoint.interface_name",
  sourceTranslatedAddress AS "src_endpoint.proxy_endpoint.ip",
  sourceTranslatedPort AS "src_endpoint.proxy_endpoint.port",
  coalesce(dst, CASE WHEN c6a3Label ILIKE '%destination%' THEN c6a3 END) AS "dst_endpoint.ip",
  dpt AS "dst_endpoint.port",
  dhost AS "dst_endpoint.hostname",
  dmac AS "dst_endpoint.mac",
  deviceOutboundInterface AS "dst_endpoint.interface_name",
  destinationServiceName AS "dst_endpoint.svc_name",
  destinationTranslatedAddress AS "dst_endpoint.proxy_endpoint.ip",
  destinationTranslatedPort AS "dst_endpoint.proxy_endpoint.port",
  user_of(suser) AS "actor.user.name",
  coalesce(sntdom, domain_of(suser)) AS "actor.user.domain",
  suid AS "actor.user.uid",

  app AS app_name,
  externalId AS "connection_info.uid",
  CASE deviceDirection WHEN 0 THEN 1 WHEN 1 THEN 2 ELSE direction_between(src, dst) END AS "connection_info.direction_id",
  iana_protocol(proto) AS "connection_info.protocol_num",
  coalesce(iana_protocol_name(iana_protocol(proto)), lower(proto)) AS "connection_info.protocol_name",

  cef_time("start") AS start_time,
  cef_time("end") AS end_time,
  "in" + "out" AS "traffic.bytes",
  CASE WHEN cef_in_is_received(deviceVendor) THEN "in" ELSE "out" END AS "traffic.bytes_in",  -- from the destination to the source
  CASE WHEN cef_in_is_received(deviceVendor) THEN "out" ELSE "in" END AS "traffic.bytes_out",

  cef_action_id(act) AS action_id,
  cef_disposition_id(act) AS disposition_id,
  request AS "url.url_string",
  CASE WHEN contains(request, '://') THEN url_part(request, 2) END AS "url.hostname"
FROM raw
WHERE (src IS NOT NULL OR shost IS NOT NULL OR c6a2 IS NOT NULL) OR (dst IS NOT NULL OR dhost IS NOT NULL OR c6a3 IS NOT NULL);
