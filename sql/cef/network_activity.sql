-- class: network_activity
-- profiles: security_control
-- drop: cef_other_kind(deviceVendor, deviceEventClassId, name, cat, act, dpt > 0 OR proto IS NOT NULL OR "in" > 0 OR "out" > 0) AND NOT coalesce(cef_login(deviceVendor, deviceEventClassId, name, cat, act, coalesce(duser, suser), dpt > 0 OR proto IS NOT NULL OR "in" > 0 OR "out" > 0), FALSE) AND NOT coalesce(cef_changes(deviceEventClassId, name, act, duser, cs1Label, cs1, suser, dpt > 0 OR proto IS NOT NULL OR "in" > 0 OR "out" > 0), FALSE) AND NOT cef_vpn_login(PanOSEventIDValue, PanOSSourceUserName)
-- without: src_endpoint, dst_endpoint
-- consumes: proto = upper(connection_info.protocol_name)
-- consumes: suser = windows_user(actor."user"."domain", actor."user".name)
-- consumes: sntdom = actor."user"."domain"
-- consumes: "in" = CASE WHEN cef_in_is_received(metadata.product.vendor_name) THEN traffic.bytes_in ELSE traffic.bytes_out END
-- consumes: "out" = CASE WHEN cef_in_is_received(metadata.product.vendor_name) THEN traffic.bytes_out ELSE traffic.bytes_in END
-- consumes: src = src_endpoint.ip
-- consumes: dst = dst_endpoint.ip
-- consumes: msg = message
-- consumes: sourceTranslatedAddress = coalesce(src_endpoint.proxy_endpoint.ip, '0.0.0.0')
-- consumes: sourceTranslatedPort = coalesce(src_endpoint.proxy_endpoint.port, 0)
-- consumes: destinationTranslatedAddress = coalesce(dst_endpoint.proxy_endpoint.ip, '0.0.0.0')
-- consumes: destinationTranslatedPort = coalesce(dst_endpoint.proxy_endpoint.port, 0)
SELECT
  CASE
    WHEN regexp_matches(lower(trim(act, '"')), '^(reset|client-rst|server-rst)') THEN 3        -- Reset
    WHEN cef_blocked(trim(act, '"')) THEN 5                                                    -- Refuse
    WHEN regexp_matches(lower(trim(act, '"')), '^(start|built)') THEN 1                        -- Open
    WHEN regexp_matches(lower(trim(act, '"')), '^(clos|timeout|teardown)') THEN 2              -- Close
    ELSE 6 END AS activity_id,                                                               -- Traffic
  cef_severity_id(severity) AS severity_id,
  coalesce(known(msg), known(name)) AS message,
  CASE lower(outcome) WHEN 'success' THEN 1 WHEN 'failure' THEN 2 WHEN 'failed' THEN 2 ELSE CASE WHEN outcome IS NOT NULL THEN 99 END END AS status_id,
  reason AS status_detail,
  cnt AS "count",

  deviceEventClassId AS "metadata.event_code",

  0 AS "device.type_id", -- Unknown: CEF does not say what it is
  coalesce(known_ip(src), CASE WHEN c6a2Label ILIKE '%source%' THEN known_ip(c6a2) END) AS "src_endpoint.ip",
  spt AS "src_endpoint.port",
  shost AS "src_endpoint.hostname",
  smac AS "src_endpoint.mac",
  deviceInboundInterface AS "src_endpoint.interface_name",
  known_ip(sourceTranslatedAddress) AS "src_endpoint.proxy_endpoint.ip",
  nullif(sourceTranslatedPort, 0) AS "src_endpoint.proxy_endpoint.port",
  coalesce(known_ip(dst), CASE WHEN c6a3Label ILIKE '%destination%' THEN known_ip(c6a3) END) AS "dst_endpoint.ip",
  dpt AS "dst_endpoint.port",
  dhost AS "dst_endpoint.hostname",
  dmac AS "dst_endpoint.mac",
  deviceOutboundInterface AS "dst_endpoint.interface_name",
  destinationServiceName AS "dst_endpoint.svc_name",
  known_ip(destinationTranslatedAddress) AS "dst_endpoint.proxy_endpoint.ip",
  nullif(destinationTranslatedPort, 0) AS "dst_endpoint.proxy_endpoint.port",
  list_transform([known(suser)], lambda u: user_of(u))[1] AS "actor.user.name",
  coalesce(sntdom, list_transform([known(suser)], lambda u: domain_of(u))[1]) AS "actor.user.domain",
  suid AS "actor.user.uid",

  app AS app_name,
  externalId AS "connection_info.uid",
  CASE CASE WHEN is_group_ip(coalesce(dst, c6a3)) THEN NULL ELSE deviceDirection END WHEN 0 THEN 1 WHEN 1 THEN 2 ELSE direction_between(coalesce(src, c6a2), coalesce(dst, c6a3)) END AS "connection_info.direction_id",
  iana_protocol(proto) AS "connection_info.protocol_num",
  coalesce(iana_protocol_name(iana_protocol(proto)), lower(proto)) AS "connection_info.protocol_name",

  cef_time(["start"], dtz, key.source_timezone, key.source_zones, key.source_year, key.yyyy, key.mm, key.last_modified) AS start_time,
  cef_time(["end"], dtz, key.source_timezone, key.source_zones, key.source_year, key.yyyy, key.mm, key.last_modified) AS end_time,
  "in" + "out" AS "traffic.bytes",
  CASE WHEN cef_in_is_received(deviceVendor) THEN "in" ELSE "out" END AS "traffic.bytes_in",  -- from the destination to the source
  CASE WHEN cef_in_is_received(deviceVendor) THEN "out" ELSE "in" END AS "traffic.bytes_out",

  cef_action_id(act, FTNTFGTutmaction, deviceVendor, reason, outcome, CASE WHEN flexString1Label = 'Flags' THEN flexString1 END) AS action_id,
  cef_disposition_id(act, FTNTFGTutmaction, deviceVendor, reason, outcome, CASE WHEN flexString1Label = 'Flags' THEN flexString1 END) AS disposition_id,
  request AS "url.url_string",
  CASE WHEN contains(request, '://') THEN url_part(request, 2) END AS "url.hostname"
FROM raw
WHERE (src IS NOT NULL OR shost IS NOT NULL OR c6a2 IS NOT NULL OR dst IS NOT NULL OR dhost IS NOT NULL OR c6a3 IS NOT NULL)
  -- two addresses do not make a connection: these say that packets were sent, or stopped
  AND (dpt > 0 OR proto IS NOT NULL OR "in" > 0 OR "out" > 0 OR spt > 0 OR sourceTranslatedPort > 0 OR destinationTranslatedPort > 0
    OR request IS NOT NULL OR cef_passed(trim(act, '"')) OR cef_blocked(trim(act, '"')))
  AND NOT coalesce(cef_login(deviceVendor, deviceEventClassId, name, cat, act, coalesce(duser, suser), dpt > 0 OR proto IS NOT NULL OR "in" > 0 OR "out" > 0), FALSE)
  AND NOT coalesce(cef_changes(deviceEventClassId, name, act, duser, cs1Label, cs1, suser, dpt > 0 OR proto IS NOT NULL OR "in" > 0 OR "out" > 0), FALSE)
  AND NOT cef_vpn_login(PanOSEventIDValue, PanOSSourceUserName);
