-- class: network_activity
-- consumes: tls.version = tls.version
-- consumes: tls.ja3.hash = tls.ja3_hash."value"
-- consumes: tls.ja3s.hash = tls.ja3s_hash."value"
-- consumes: tls.fingerprint = tls.certificate.fingerprints[1]."value"
--
-- A TLS handshake. A certificate is kept as an object if Suricata saw its issuer, serial number and fingerprint, and otherwise its
-- values stay in unmapped.
SELECT
  6 AS activity_id, -- Traffic
  tls.sni AS "dst_endpoint.hostname",
  coalesce(app_proto, 'tls') AS "dst_endpoint.svc_name",
  tls.sni AS "tls.sni",
  coalesce(tls.version, 'Unknown') AS "tls.version",
  {'algorithm_id': 1, 'value': tls.ja3.hash} AS "tls.ja3_hash",
  {'algorithm_id': 1, 'value': tls.ja3s.hash} AS "tls.ja3s_hash",
  tls.subject AS "tls.certificate.subject",
  tls.issuerdn AS "tls.certificate.issuer",
  tls.serial AS "tls.certificate.serial_number",
  tls.notbefore AS "tls.certificate.created_time",
  tls.notafter AS "tls.certificate.expiration_time",
  [{'algorithm_id': 2, 'value': tls.fingerprint}] AS "tls.certificate.fingerprints"
FROM raw
WHERE event_type = 'tls';
