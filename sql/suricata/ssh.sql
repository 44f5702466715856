-- class: ssh_activity
-- consumes: ssh.client.hassh.hash = client_hassh.fingerprint."value"
-- consumes: ssh.server.hassh.hash = server_hassh.fingerprint."value"
--
-- The banners of an SSH client and its server. Suricata cannot see whether the login succeeded.
SELECT
  6 AS activity_id, -- Traffic
  coalesce(app_proto, 'ssh') AS "dst_endpoint.svc_name",
  ssh.client.proto_version AS protocol_ver,
  ssh.client.hassh.string AS "client_hassh.algorithm",
  {'algorithm_id': 1, 'value': ssh.client.hassh.hash} AS "client_hassh.fingerprint",
  ssh.server.hassh.string AS "server_hassh.algorithm",
  {'algorithm_id': 1, 'value': ssh.server.hassh.hash} AS "server_hassh.fingerprint"
FROM raw
WHERE event_type = 'ssh';
