-- Whether a packet, or a flow of one direction, comes from the server of its connection. Suricata 7 says so in
-- `direction`, and in the source of the flow, which is the client. Without them the ports tell: a service answers from a
-- well-known port, or from a low port to an ephemeral one.
CREATE MACRO from_server(direction, client_ip, src_ip, src_port, dest_ip, dest_port) AS
  src_port < 10000 AND dest_port >= 1024 AND (src_port < 1024 OR dest_port >= 32768) AND direction IS NULL AND client_ip IS NULL
  OR direction = 'to_client'
  OR client_ip = dest_ip AND src_ip != dest_ip AND direction IS NULL;

-- What became of a packet: 1 Allowed, 2 Blocked, 6 Dropped, 21 Reset, 25 Rejected. A verdict is the final decision over all
-- rules. Without one (before Suricata 7), the action of the rule is all that the record says. TLS logs have the action of
-- the revocation check, or an error, after which the firewall resets the connection. A flow has no verdict of its own.
CREATE MACRO disposition_of(event_type, verdict, rule, revocation, tls_error) AS CASE
  WHEN event_type = 'netflow' THEN 0
  WHEN verdict IS NULL THEN CASE
    WHEN rule = 'allowed' THEN 1
    WHEN rule = 'blocked' THEN 2
    WHEN revocation = 'PASS' THEN 1
    WHEN revocation = 'DROP' THEN 6
    WHEN revocation = 'REJECT' THEN 25
    WHEN tls_error IS NOT NULL THEN 21
    ELSE 0 END
  WHEN verdict = 'drop' THEN 6
  WHEN verdict = 'reject' THEN 25
  WHEN verdict IN ('pass', 'alert', 'accept') THEN 1
  ELSE 0 END;
