-- also: event.tls.sni event.sni
-- null: event.tls.sni = -, ""
-- null: event.app_proto = failed, unknown, -, ""
-- null: event.http.hostname = -, ""
--
-- AWS Network Firewall: alert, flow (netflow) and TLS logs as delivered to S3, one JSON object for each record.
-- https://docs.aws.amazon.com/network-firewall/latest/developerguide/firewall-logging-contents.html
-- https://docs.aws.amazon.com/network-firewall/latest/developerguide/tls-inspection-logging.html
-- https://docs.suricata.io/en/latest/output/eve/eve-json-format.html
--
-- Tried with records as Suricata 6 (action of the rule only), 7 (verdict, direction, source of the flow) and 8 write them
-- (../samples.md), and with TLS logs of both kinds: errors, and revocation checks. A field that a newer version adds goes to
-- unmapped.
--
-- Fields that are not declared here go to unmapped under their own dotted names.
CREATE TABLE raw (
  firewall_name     VARCHAR,
  availability_zone VARCHAR,
  event STRUCT(
    "timestamp" TIMESTAMP,
    flow_id     VARCHAR, -- a number of up to 64 bits, never computed with
    event_type  VARCHAR,
    src_ip      VARCHAR,
    src_port    INTEGER,
    dest_ip     VARCHAR,
    dest_port   INTEGER,
    proto       VARCHAR,
    app_proto   VARCHAR,
    netflow STRUCT(pkts BIGINT, bytes BIGINT, "start" TIMESTAMP, "end" TIMESTAMP),
    tcp     STRUCT(tcp_flags VARCHAR),
    direction VARCHAR, -- to_server, to_client: which way the packet goes
    flow    STRUCT(src_ip VARCHAR), -- of the first packet: the client
    verdict STRUCT("action" VARCHAR), -- pass, alert, drop, reject: what became of the packet
    alert   STRUCT("action" VARCHAR, signature_id VARCHAR, signature VARCHAR, category VARCHAR, severity INTEGER),
    tls     STRUCT(sni VARCHAR, -- event.sni in TLS logs
                    version VARCHAR),
    http    STRUCT(hostname VARCHAR, url VARCHAR),
    -- TLS logs, which have no event_type
    tls_error        STRUCT(error_message VARCHAR),
    revocation_check STRUCT(status VARCHAR, "action" VARCHAR)
  ),
  -- captures of the job's key_pattern; not a part of the record
  "key" STRUCT(account_id VARCHAR, region VARCHAR)
);
