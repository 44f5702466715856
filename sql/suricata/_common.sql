-- ocsf: 1.1.0
-- profiles: host
-- drop: event_type = 'stats'
-- consumes: proto = upper(connection_info.protocol_name)
-- consumes: app_proto = coalesce(dst_endpoint.svc_name, src_endpoint.svc_name)
-- consumes: tcp.tcp_flags = format('{:02x}', connection_info.tcp_flags)
-- consumes: ip_v = connection_info.protocol_ver_id
-- consumes: host = device.hostname
--
-- What events have in common: when, the ends of the connection, and the sensor. Events of a packet have its sender as the
-- source, which can be the server: the service belongs to the server, and the direction is that of the connection.
SELECT
  "timestamp" AS "time",
  1 AS severity_id, -- Informational
  *,

  src_ip   AS "src_endpoint.ip",
  src_port AS "src_endpoint.port",
  ether.src_mac AS "src_endpoint.mac",
  dest_ip   AS "dst_endpoint.ip",
  dest_port AS "dst_endpoint.port",
  ether.dest_mac AS "dst_endpoint.mac",
  app_proto AS "dst_endpoint.svc_name",

  flow_id AS "connection_info.uid",
  direction_between(src_ip, dest_ip) AS "connection_info.direction_id",
  lower(proto) AS "connection_info.protocol_name",
  iana_protocol(proto) AS "connection_info.protocol_num",
  coalesce(ip_v, CASE WHEN contains(src_ip, ':') THEN 6 WHEN contains(src_ip, '.') THEN 4 END) AS "connection_info.protocol_ver_id",

  coalesce(host, key.sensor) AS "device.hostname",
  in_iface AS "device.interface_name",
  CASE WHEN coalesce(host, key.sensor, in_iface) IS NOT NULL THEN 99 END AS "device.type_id", -- Other: a network sensor

  event_type AS "metadata.event_code",
  'eve' AS "metadata.log_name",
  'Suricata' AS "metadata.product.name",
  'OISF' AS "metadata.product.vendor_name",
  suricata_version AS "metadata.product.version"
FROM raw;
