-- class: detection_finding
-- profiles: host, security_control
-- consumes: alert.action = CASE disposition_id WHEN 1 THEN 'allowed' WHEN 2 THEN 'blocked' END
-- consumes: alert.severity = CASE severity_id WHEN 4 THEN 1 WHEN 3 THEN 2 WHEN 2 THEN 3 END
--
-- A rule matched a packet. The evidence is the packet: its sender is the source. The disposition is the verdict on the packet;
-- without one, it is the action of the rule, which another rule can have overruled. The id of the finding consists of the flow, the
-- rule and the time.
SELECT
  1 AS activity_id, -- Create
  1 AS status_id, -- New
  severity_of(alert.severity) AS severity_id,
  alert.signature AS message,
  CASE alert.metadata.confidence[1] WHEN 'High' THEN 3 WHEN 'Medium' THEN 2 WHEN 'Low' THEN 1 END AS confidence_id,

  concat_ws(':', flow_id, alert.gid, alert.signature_id, epoch_us("timestamp")) AS "finding_info.uid",
  coalesce(alert.signature, alert.category, 'Rule ' || alert.signature_id, 'Alert') AS "finding_info.title",
  [alert.category] AS "finding_info.types",
  "timestamp" AS "finding_info.created_time",
  CAST(alert.signature_id AS VARCHAR) AS "finding_info.analytic.uid",
  alert.signature AS "finding_info.analytic.name",
  alert.category AS "finding_info.analytic.category",
  CAST(alert.rev AS VARCHAR) AS "finding_info.analytic.version",
  1 AS "finding_info.analytic.type_id", -- Rule
  [{'technique': {'uid': alert.metadata.mitre_technique_id[1], 'name': replace(alert.metadata.mitre_technique_name[1], '_', ' ')},
    'tactics': [{'uid': alert.metadata.mitre_tactic_id[1], 'name': replace(alert.metadata.mitre_tactic_name[1], '_', ' ')}]}] AS attacks,

  packet_disposition(verdict."action", alert."action") AS disposition_id,
  action_of(packet_disposition(verdict."action", alert."action")) AS action_id,

  [{
    'src_endpoint': {
      'ip': src_ip, 'port': src_port, 'mac': ether.src_mac,
      'hostname': CASE WHEN from_server(direction, flow.src_ip, src_ip, src_port, dest_ip, dest_port) THEN coalesce(tls.sni, http.hostname) END,
      'svc_name': CASE WHEN from_server(direction, flow.src_ip, src_ip, src_port, dest_ip, dest_port) THEN app_proto END},
    'dst_endpoint': {
      'ip': dest_ip, 'port': dest_port, 'mac': ether.dest_mac,
      'hostname': CASE WHEN from_server(direction, flow.src_ip, src_ip, src_port, dest_ip, dest_port) THEN NULL ELSE coalesce(tls.sni, http.hostname) END,
      'svc_name': CASE WHEN from_server(direction, flow.src_ip, src_ip, src_port, dest_ip, dest_port) THEN NULL ELSE app_proto END},
    'connection_info': {
      'uid': flow_id,
      'direction_id': CASE WHEN src_ip IS NULL THEN NULL WHEN from_server(direction, flow.src_ip, src_ip, src_port, dest_ip, dest_port)
        THEN direction_between(dest_ip, src_ip) ELSE direction_between(src_ip, dest_ip) END,
      'protocol_name': lower(proto), 'protocol_num': iana_protocol(proto),
      'protocol_ver_id': coalesce(ip_v, CASE WHEN contains(src_ip, ':') THEN 6 WHEN contains(src_ip, '.') THEN 4 END)},
    'query': {'hostname': coalesce(dns.rrname, dns.queries[1].rrname), 'type': coalesce(dns.rrtype, dns.queries[1].rrtype)}
  }] AS evidences
FROM raw
WHERE event_type = 'alert';
