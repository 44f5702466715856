-- otherwise: network_activity
--
-- Events of other protocols (FTP, SMTP, RDP, Kerberos, DHCP, SIP, MQTT and others): Traffic between two addresses. All that the
-- event says about the protocol is in unmapped.
SELECT
  6 AS activity_id, -- Traffic
  CASE WHEN from_server(direction, flow.src_ip, src_ip, src_port, dest_ip, dest_port) THEN app_proto END AS "src_endpoint.svc_name",
  CASE WHEN from_server(direction, flow.src_ip, src_ip, src_port, dest_ip, dest_port) THEN NULL ELSE app_proto END AS "dst_endpoint.svc_name",
  CASE WHEN from_server(direction, flow.src_ip, src_ip, src_port, dest_ip, dest_port)
    THEN direction_between(dest_ip, src_ip) ELSE direction_between(src_ip, dest_ip) END AS "connection_info.direction_id"
FROM raw
WHERE event_type IS NOT NULL AND src_ip IS NOT NULL AND dest_ip IS NOT NULL;
