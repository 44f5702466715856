-- null: app_proto = failed, unknown, ""
-- null: host = ""
-- null: http.hostname = ""
-- null: http.http_user_agent = ""
-- null: http.http_refer = ""
-- null: tls.sni = ""
-- null: smb.share = ""
-- null: smb.filename = ""
-- null: fileinfo.filename = ""
-- null: alert.signature = ""
-- null: alert.category = ""
--
-- Suricata's EVE log (eve.json): one JSON object for each event. Alerts become findings; flows, DNS, HTTP, TLS, SSH, SMB,
-- files and anomalies become the activity that they describe; events of other protocols become network activity.
--
-- https://docs.suricata.io/en/latest/output/eve/eve-json-format.html
-- https://docs.suricata.io/en/latest/output/eve/eve-json-output.html
--
-- Tried with events of Suricata 4 to 8 (../samples.md): DNS in the versions 1 (an event for each answer), 2 and 3 (queries as a
-- list), verdicts and directions of version 7, and ip_v of version 8. A field that is not declared here goes to unmapped under
-- its own dotted name.
CREATE TABLE raw (
  "timestamp" TIMESTAMP,
  event_type  VARCHAR,
  flow_id     VARCHAR, -- a number of up to 64 bits, never computed with
  host        VARCHAR, -- sensor-name of suricata.yaml
  in_iface    VARCHAR,
  src_ip      VARCHAR,
  src_port    INTEGER,
  dest_ip     VARCHAR,
  dest_port   INTEGER,
  proto       VARCHAR,
  app_proto   VARCHAR,
  ip_v        INTEGER,
  direction   VARCHAR, -- to_server, to_client: which way the packet goes
  suricata_version VARCHAR,
  ether       STRUCT(src_mac VARCHAR, dest_mac VARCHAR),
  verdict     STRUCT("action" VARCHAR), -- pass, alert, drop, reject: what became of the packet
  alert STRUCT(
    "action"     VARCHAR, -- allowed, blocked: what the rule says
    gid          BIGINT,
    signature_id BIGINT,
    rev          BIGINT,
    signature    VARCHAR,
    category     VARCHAR,
    severity     INTEGER,
    metadata     STRUCT(confidence VARCHAR[], mitre_tactic_id VARCHAR[], mitre_tactic_name VARCHAR[],
                        mitre_technique_id VARCHAR[], mitre_technique_name VARCHAR[])
  ),
  "drop"      STRUCT(reason VARCHAR),
  flow STRUCT(
    src_ip         VARCHAR, -- in alerts: of the first packet, the client
    "start"        TIMESTAMP,
    "end"          TIMESTAMP,
    bytes_toserver BIGINT,
    bytes_toclient BIGINT,
    pkts_toserver  BIGINT,
    pkts_toclient  BIGINT,
    state          VARCHAR, -- new, established, closed, bypassed
    reason         VARCHAR,
    "action"       VARCHAR  -- accept, pass, drop, reject
  ),
  netflow     STRUCT(pkts BIGINT, bytes BIGINT, "start" TIMESTAMP, "end" TIMESTAMP),
  tcp         STRUCT(tcp_flags VARCHAR),
  dns STRUCT(
    "type"    VARCHAR, -- query, request; answer, response
    id        INTEGER,
    opcode    INTEGER,
    rcode     VARCHAR,
    rrname    VARCHAR,
    rrtype    VARCHAR,
    rdata     VARCHAR, -- version 1: an event for each answer
    ttl       BIGINT,
    queries   STRUCT(rrname VARCHAR, rrtype VARCHAR)[],
    answers   STRUCT(rrname VARCHAR, rrtype VARCHAR, ttl BIGINT, rdata VARCHAR)[],
    grouped   STRUCT(A VARCHAR[], AAAA VARCHAR[], CNAME VARCHAR[], MX VARCHAR[], NS VARCHAR[], PTR VARCHAR[], TXT VARCHAR[])
  ),
  http STRUCT(
    hostname          VARCHAR,
    http_port         INTEGER,
    url               VARCHAR,
    http_method       VARCHAR,
    protocol          VARCHAR,
    http_user_agent   VARCHAR,
    http_refer        VARCHAR,
    xff               VARCHAR,
    status            INTEGER,
    length            BIGINT, -- of the response's body
    http_content_type VARCHAR,
    request_headers   STRUCT("name" VARCHAR, "value" VARCHAR)[],
    response_headers  STRUCT("name" VARCHAR, "value" VARCHAR)[]
  ),
  tls STRUCT(
    sni         VARCHAR,
    version     VARCHAR,
    subject     VARCHAR,
    issuerdn    VARCHAR,
    serial      VARCHAR,
    fingerprint VARCHAR, -- SHA-1 of the certificate
    notbefore   TIMESTAMP,
    notafter    TIMESTAMP,
    ja3         STRUCT(hash VARCHAR),
    ja3s        STRUCT(hash VARCHAR)
  ),
  fileinfo STRUCT(filename VARCHAR, size BIGINT, magic VARCHAR, md5 VARCHAR, sha1 VARCHAR, sha256 VARCHAR),
  anomaly     STRUCT(event VARCHAR),
  ssh STRUCT(
    client STRUCT(proto_version VARCHAR, hassh STRUCT(hash VARCHAR, string VARCHAR)),
    server STRUCT(hassh STRUCT(hash VARCHAR, string VARCHAR))
  ),
  smb STRUCT(
    command         VARCHAR,
    dialect         VARCHAR,
    client_dialects VARCHAR[],
    status          VARCHAR, -- STATUS_SUCCESS
    status_code     VARCHAR, -- 0x0
    session_id      VARCHAR,
    tree_id         VARCHAR,
    share           VARCHAR,
    share_type      VARCHAR, -- FILE, PIPE, PRINT
    filename        VARCHAR,
    fuid            VARCHAR,
    size            BIGINT,
    access          VARCHAR,
    disposition     VARCHAR, -- FILE_OPEN
    created         BIGINT,  -- seconds, 0 if not known
    accessed        BIGINT,
    modified        BIGINT,
    ntlmssp         STRUCT("domain" VARCHAR, "user" VARCHAR, host VARCHAR)
  ),
  smtp        STRUCT(mail_from VARCHAR),
  ftp_data    STRUCT(command VARCHAR),
  -- captures of the job's key_pattern; not a part of the record
  "key"       STRUCT(sensor VARCHAR)
);
