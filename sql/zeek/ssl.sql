-- class: network_activity
-- consumes: version = tls.version
-- consumes: validation_status = status_detail
-- consumes: last_alert = status_detail
--
-- A TLS handshake. Zeek writes the certificate to another log (x509).
SELECT
  6 AS activity_id, -- Traffic
  CASE WHEN yes(established) THEN 1 WHEN NOT yes(established) THEN 2 ELSE 0 END AS status_id,
  coalesce(validation_status, last_alert) AS status_detail,
  server_name AS "dst_endpoint.hostname",
  'ssl' AS "dst_endpoint.svc_name",
  coalesce(version, 'Unknown') AS "tls.version",
  cipher AS "tls.cipher",
  server_name AS "tls.sni",
  {'algorithm_id': 1, 'value': ja3} AS "tls.ja3_hash",
  {'algorithm_id': 1, 'value': ja3s} AS "tls.ja3s_hash",
  'tcp' AS "connection_info.protocol_name",
  6 AS "connection_info.protocol_num"
FROM raw
WHERE log_of(_path, conn_state, rejected, request_body_len, established, fuid, source, note, key.file) = 'ssl';
