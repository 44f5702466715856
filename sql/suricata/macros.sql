-- Whether a packet, or a flow of one direction, comes from the server of its connection. Suricata 7 says so in
-- `direction`, and in the source of the flow, which is the client. Without them the ports tell: a service answers from a
-- well-known port, or from a low port to an ephemeral one.
CREATE MACRO from_server(direction, client_ip, src_ip, src_port, dest_ip, dest_port) AS
  direction = 'to_client'
  OR client_ip = dest_ip AND src_ip != dest_ip AND direction IS NULL
  OR from_service(src_port, dest_port) AND direction IS NULL AND client_ip IS NULL;

-- Whether the ports are those of an answer.
CREATE MACRO from_service(src_port, dest_port) AS src_port < 10000 AND dest_port >= 1024 AND (src_port < 1024 OR dest_port >= 32768);

-- Whether a DNS message is an answer that goes to the client. Some versions write answers with the client as the source.
CREATE MACRO dns_to_client(message, src_port, dest_port) AS message IN ('answer', 'response') AND from_service(src_port, dest_port);

-- Whether a file goes from the server to the client: Suricata writes its sender as the source.
CREATE MACRO is_download(app_proto, http_method, http_port, smb_command, ftp_command, src_port, dest_port) AS coalesce(CASE
  WHEN app_proto = 'http' OR http_method IS NOT NULL THEN http_method IN ('GET', 'HEAD') OR http_port = src_port OR from_service(src_port, dest_port)
  WHEN smb_command LIKE '%READ%' THEN true
  WHEN smb_command LIKE '%WRITE%' THEN false
  WHEN ftp_command IS NOT NULL THEN ftp_command = 'RETR'
  ELSE from_service(src_port, dest_port) END, false);

-- What became of a packet: 1 Allowed, 2 Blocked, 6 Dropped, 25 Rejected, 0 Unknown. A verdict is the final decision over all
-- rules. Without one (before Suricata 7), the action of the rule is all that the event says.
CREATE MACRO packet_disposition(verdict, rule) AS CASE
  WHEN verdict = 'drop' THEN 6
  WHEN verdict = 'reject' THEN 25
  WHEN verdict IN ('pass', 'alert', 'accept') THEN 1
  WHEN verdict IS NOT NULL THEN 0
  WHEN rule = 'allowed' THEN 1
  WHEN rule = 'blocked' THEN 2
  ELSE 0 END;

-- OCSF's action_id of a disposition.
CREATE MACRO action_of(disposition) AS CASE disposition WHEN 0 THEN 0 WHEN 1 THEN 1 ELSE 2 END;

-- The severity of a rule's priority: 1 is High.
CREATE MACRO severity_of(priority) AS CASE priority WHEN 1 THEN 4 WHEN 2 THEN 3 WHEN 3 THEN 2 ELSE 1 END;

-- A group of answers as OCSF's list.
CREATE MACRO answers_of(t, group_of) AS list_transform(group_of, lambda x: {'type': t, 'ttl': CAST(NULL AS BIGINT), 'rdata': x});

-- The time of a number of seconds, or NULL for 0.
CREATE MACRO time_unless_zero(seconds) AS CASE WHEN seconds > 0 THEN make_timestamp(seconds * 1000000) END;
