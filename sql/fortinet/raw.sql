-- format: kv
-- null: N/A
--
-- FortiGate traffic and UTM logs (FortiOS 5.6 to 7.6) in the default syslog format or from the disk: one line of
-- key=value. A syslog header in front is accepted.
-- https://docs.fortinet.com/document/fortigate/7.6.1/fortios-log-message-reference/160372
-- https://docs.fortinet.com/document/fortigate/7.6.1/fortios-log-message-reference/13
-- https://docs.fortinet.com/document/fortigate/7.6.0/fortios-log-message-reference/16384
--
-- eventtime is in nanoseconds since FortiOS 6.2, and in seconds before. Older logs have only date and time, from the
-- firewall's own clock; tz is its offset. A log with neither eventtime nor tz is read as UTC. If the clock is in
-- another zone, write time_in_zone("date" || ' ' || "time", '%Y-%m-%d %H:%M:%S', 'Europe/Berlin') into fortinet_time in
-- macros.sql.
--
-- Event logs (type="event": logins, VPN, HA and others) are not network activity. They go to quarantine. To leave them
-- out, put `drop: "type" = 'event'` in a header. Fields that the SELECT does not read go to unmapped under their own
-- names.
CREATE TABLE raw (
  "date"       VARCHAR,
  "time"       VARCHAR,
  tz           VARCHAR, -- +0200
  eventtime    VARCHAR,
  logid        VARCHAR,
  "type"       VARCHAR, -- traffic, utm
  subtype      VARCHAR, -- forward, local, multicast, sniffer; virus, webfilter, ips, app-ctrl, dns, anomaly, ...
  "level"      VARCHAR, -- of syslog, in words
  devname      VARCHAR,
  devid        VARCHAR,
  "action"     VARCHAR,
  msg          VARCHAR,

  srcip        VARCHAR,
  srcport      INTEGER,
  srcname      VARCHAR,
  srcmac       VARCHAR,
  srcintf      VARCHAR,
  srcintfrole  VARCHAR, -- lan, wan, dmz, undefined
  dstip        VARCHAR,
  dstport      INTEGER,
  dstname      VARCHAR,
  dstmac       VARCHAR,
  dstintf      VARCHAR,
  dstintfrole  VARCHAR,
  transip      VARCHAR, -- the source after translation
  transport    INTEGER,
  tranip       VARCHAR, -- the destination after translation
  tranport     INTEGER,
  "user"       VARCHAR,
  sessionid    VARCHAR, -- a number, never computed with
  proto        VARCHAR, -- IANA's number
  service      VARCHAR,
  app          VARCHAR,

  policyid     VARCHAR,
  policyname   VARCHAR,
  policytype   VARCHAR,

  duration     BIGINT,  -- seconds
  sentbyte     BIGINT,  -- from the source
  rcvdbyte     BIGINT,
  sentpkt      BIGINT,
  rcvdpkt      BIGINT,

  -- utm
  severity     VARCHAR, -- of an attack: info, low, medium, high, critical
  crlevel      VARCHAR, -- of a client's reputation: low, medium, high, critical
  attack       VARCHAR,
  virus        VARCHAR,
  virusid      VARCHAR,
  hostname     VARCHAR,
  url          VARCHAR  -- a URL, or its path behind hostname
);
