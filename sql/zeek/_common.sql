-- ocsf: 1.1.0
-- profiles: host
-- drop: _path IN ('stats', 'capture_loss', 'loaded_scripts', 'packet_filter', 'reporter', 'prof', 'cluster', 'broker', 'config', 'telemetry', 'telemetry_histogram', 'print', 'analyzer', 'signatures_debug')
-- consumes: proto = connection_info.protocol_name
-- consumes: _path = metadata.log_name
-- consumes: "id.orig_p" = src_endpoint.port
-- consumes: "id.resp_p" = dst_endpoint.port
-- consumes: _system_name = device.hostname
--
-- What records have in common: when, the ends of the connection (the originator is the source), and the sensor. The time is kept in
-- unmapped too, because Zeek writes it in microseconds. Ports of ICMP are its type and code, and stay in unmapped.
SELECT
  zeek_time(ts) AS "time",
  1 AS severity_id, -- Informational
  *,

  "id.orig_h" AS "src_endpoint.ip",
  CASE WHEN proto IN ('icmp', 'icmp6') THEN NULL ELSE "id.orig_p" END AS "src_endpoint.port",
  "id.resp_h" AS "dst_endpoint.ip",
  CASE WHEN proto IN ('icmp', 'icmp6') THEN NULL ELSE "id.resp_p" END AS "dst_endpoint.port",

  uid AS "connection_info.uid",
  direction_between("id.orig_h", "id.resp_h") AS "connection_info.direction_id",
  proto AS "connection_info.protocol_name",
  CASE WHEN proto = 'icmp' AND contains("id.orig_h", ':') THEN 58 ELSE iana_protocol(proto) END AS "connection_info.protocol_num",
  CASE WHEN contains("id.orig_h", ':') THEN 6 WHEN contains("id.orig_h", '.') THEN 4 END AS "connection_info.protocol_ver_id",

  coalesce(_system_name, key.sensor) AS "device.hostname",
  CASE WHEN coalesce(_system_name, key.sensor) IS NOT NULL THEN 99 END AS "device.type_id", -- Other: a network sensor

  log_of(_path, conn_state, rejected, request_body_len, established, fuid, source, note, key.file) AS "metadata.log_name",
  'Zeek' AS "metadata.product.name",
  'Zeek' AS "metadata.product.vendor_name"
FROM raw;
