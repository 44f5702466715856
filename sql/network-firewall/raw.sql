-- AWS Network Firewall: alert, flow (netflow) and TLS logs as delivered to S3, one JSON object for each record.
-- https://docs.aws.amazon.com/network-firewall/latest/developerguide/firewall-logging-contents.html
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
    alert   STRUCT("action" VARCHAR, signature_id VARCHAR, signature VARCHAR, category VARCHAR, severity INTEGER),
    tls     STRUCT(sni VARCHAR, version VARCHAR),
    http    STRUCT(hostname VARCHAR, url VARCHAR)
  ),
  -- captures of the job's key_pattern; not a part of the record
  "key" STRUCT(account_id VARCHAR, region VARCHAR)
);
