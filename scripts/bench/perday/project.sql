-- What the DuckDB peer of the benchmark projects: Network Firewall logs to OCSF 1.1.0 Network Activity (4001), a little less
-- than the shipped mapping does (leftovers named one by one, kept as one JSON text; nothing verified).
-- @SRC@ is replaced by the quoted list of files.
SELECT
  epoch_ms(ts) AS time,
  strftime(ts, '%Y%m%d') AS eventDay,
  CASE WHEN nf THEN 6 WHEN event.alert.action = 'blocked' THEN 5 ELSE 1 END::INTEGER AS activity_id,
  CASE WHEN nf THEN 'Traffic' WHEN event.alert.action = 'blocked' THEN 'Refuse' ELSE 'Open' END AS activity_name,
  4::INTEGER AS category_uid, 'Network Activity' AS category_name,
  4001::INTEGER AS class_uid, 'Network Activity' AS class_name,
  (400100 + CASE WHEN nf THEN 6 WHEN event.alert.action = 'blocked' THEN 5 ELSE 1 END)::BIGINT AS type_uid,
  CASE WHEN nf THEN 'Network Activity: Traffic' WHEN event.alert.action = 'blocked' THEN 'Network Activity: Refuse' ELSE 'Network Activity: Open' END AS type_name,
  CASE event.alert.severity WHEN 1 THEN 4 WHEN 2 THEN 3 WHEN 3 THEN 2 ELSE 1 END::INTEGER AS severity_id,
  CASE event.alert.severity WHEN 1 THEN 'High' WHEN 2 THEN 'Medium' WHEN 3 THEN 'Low' ELSE 'Informational' END AS severity,
  firewall_name AS app_name,
  epoch_ms(event.netflow.start) AS start_time,
  epoch_ms(event.netflow."end") AS end_time,
  {'profiles': ['cloud', 'security_control'], 'version': '1.1.0',
   'product': {'name': 'AWS Network Firewall', 'vendor_name': 'AWS', 'feature': {'name': 'Network Firewall'}}} AS metadata,
  {'provider': 'AWS', 'region': 'us-east-1', 'zone': availability_zone, 'account': {'uid': '123456789012'}} AS cloud,
  {'ip': event.src_ip, 'port': event.src_port} AS src_endpoint,
  {'ip': event.dest_ip, 'port': event.dest_port, 'hostname': coalesce(event.tls.sni, event.http.hostname)} AS dst_endpoint,
  {'uid': event.flow_id::VARCHAR, 'protocol_name': lower(event.proto),
   'protocol_num': CASE event.proto WHEN 'TCP' THEN 6 WHEN 'UDP' THEN 17 WHEN 'ICMP' THEN 1 END::INTEGER,
   'tcp_flags': ('0x' || event.tcp.tcp_flags)::INTEGER} AS connection_info,
  {'bytes': event.netflow.bytes, 'packets': event.netflow.pkts} AS traffic,
  {'version': event.tls.version, 'sni': event.tls.sni} AS tls,
  to_json({'app_proto': event.app_proto, 'event_type': event.event_type, 'age': event.netflow.age,
   'min_ttl': event.netflow.min_ttl, 'max_ttl': event.netflow.max_ttl, 'action': event.alert.action,
   'signature_id': event.alert.signature_id, 'rev': event.alert.rev, 'signature': event.alert.signature,
   'category': event.alert.category, 'url': event.http.url, 'http_user_agent': event.http.http_user_agent,
   'http_method': event.http.http_method})::VARCHAR AS unmapped
FROM (
  SELECT *, event.timestamp AS ts, event.event_type = 'netflow' AS nf
  FROM read_json(@SRC@, format = 'newline_delimited', timestampformat = '%Y-%m-%dT%H:%M:%S.%f%z', columns = {
    firewall_name: 'VARCHAR', availability_zone: 'VARCHAR', event_timestamp: 'VARCHAR',
    event: 'STRUCT("timestamp" TIMESTAMP, flow_id BIGINT, event_type VARCHAR, src_ip VARCHAR, src_port INTEGER, dest_ip VARCHAR, dest_port INTEGER, proto VARCHAR, app_proto VARCHAR, netflow STRUCT(pkts BIGINT, bytes BIGINT, "start" TIMESTAMP, "end" TIMESTAMP, age INTEGER, min_ttl INTEGER, max_ttl INTEGER), tcp STRUCT(tcp_flags VARCHAR), alert STRUCT(action VARCHAR, signature_id BIGINT, rev INTEGER, signature VARCHAR, category VARCHAR, severity INTEGER), tls STRUCT(sni VARCHAR, version VARCHAR), http STRUCT(hostname VARCHAR, url VARCHAR, http_user_agent VARCHAR, http_method VARCHAR))'
  })
)
