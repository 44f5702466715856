-- format: zeek
-- null: service = ""
-- null: host = ""
-- null: user_agent = ""
-- null: server_name = ""
-- null: filename = ""
-- also: "id.orig_h" id.orig_h
-- also: "id.orig_p" id.orig_p
-- also: "id.resp_h" id.resp_h
-- also: "id.resp_p" id.resp_p
-- also: "id.orig_h" id_orig_h
-- also: "id.orig_p" id_orig_p
-- also: "id.resp_h" id_resp_h
-- also: "id.resp_p" id_resp_p
--
-- Logs of Zeek: conn, dns, http, ssl, files and notice. Other logs of two addresses become Network Activity. Each object can be text
-- with a #fields line, or JSON with one record on each line, as the writers of Zeek and json-streaming-logs write it.
--
-- Which log a record is of: its `_path`, the #path line above it, its own fields, or the name of the object (conn.log).
--
-- https://docs.zeek.org/en/master/logs/index.html
-- https://docs.zeek.org/en/master/script-reference/log-files.html
-- https://github.com/corelight/json-streaming-logs
--
-- Tried with logs of Zeek (and Bro) 2.5 to 8 (../samples.md): as text, as JSON, with times as numbers and in ISO 8601, and with nested
-- objects (`id`). A field that is not declared here goes to unmapped under its own name.
CREATE TABLE raw (
  _path         VARCHAR,
  ts            VARCHAR, -- seconds since 1970 with a fraction, milliseconds, or ISO 8601
  uid           VARCHAR,
  "id.orig_h"   VARCHAR,
  "id.orig_p"   INTEGER, -- the type, if proto is icmp
  "id.resp_h"   VARCHAR,
  "id.resp_p"   INTEGER, -- the code, if proto is icmp
  proto         VARCHAR,
  duration      DOUBLE,
  _system_name  VARCHAR, -- Corelight: the sensor

  -- conn
  service       VARCHAR,
  orig_bytes    BIGINT,
  resp_bytes    BIGINT,
  conn_state    VARCHAR,
  local_orig    VARCHAR, -- T or F; true or false in JSON
  local_resp    VARCHAR,
  orig_pkts     BIGINT,
  resp_pkts     BIGINT,
  vlan          VARCHAR,
  orig_l2_addr  VARCHAR,
  resp_l2_addr  VARCHAR,

  -- dns
  trans_id      INTEGER,
  rtt           DOUBLE,
  query         VARCHAR,
  qclass_name   VARCHAR,
  qtype_name    VARCHAR,
  rcode         INTEGER,
  rcode_name    VARCHAR,
  rejected      VARCHAR,
  answers       VARCHAR[],
  "TTLs"        VARCHAR[], -- seconds, with a fraction

  -- http
  method        VARCHAR,
  host          VARCHAR,
  uri           VARCHAR,
  referrer      VARCHAR,
  version       VARCHAR, -- also of ssl
  user_agent    VARCHAR,
  username      VARCHAR,
  request_body_len  BIGINT,
  response_body_len BIGINT,
  status_code   INTEGER,
  status_msg    VARCHAR,
  resp_mime_types VARCHAR[],

  -- ssl
  cipher        VARCHAR,
  server_name   VARCHAR,
  established   VARCHAR,
  last_alert    VARCHAR,
  validation_status VARCHAR,
  ja3           VARCHAR,
  ja3s          VARCHAR,

  -- files
  fuid          VARCHAR,
  tx_hosts      VARCHAR[], -- before Zeek 5.1, which has id.orig_h
  rx_hosts      VARCHAR[],
  conn_uids     VARCHAR[],
  source        VARCHAR,
  analyzers     VARCHAR[],
  mime_type     VARCHAR,
  filename      VARCHAR,
  is_orig       VARCHAR,
  seen_bytes    BIGINT,
  total_bytes   BIGINT,
  md5           VARCHAR,
  sha1          VARCHAR,
  sha256        VARCHAR,

  -- notice
  note          VARCHAR,
  msg           VARCHAR,
  sub           VARCHAR,
  src           VARCHAR,
  dst           VARCHAR,
  p             INTEGER,
  actions       VARCHAR[],

  -- captures of the job's key_pattern; not a part of the record
  "key"         STRUCT(sensor VARCHAR, file VARCHAR)
);
