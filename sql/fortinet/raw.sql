-- format: kv
-- null: N/A, n/a, (null), null, -, ""
--
-- FortiGate traffic and UTM logs (FortiOS 5.6 to 7.6) in the default syslog format or from the disk: one line of
-- key=value. A syslog header in front is accepted.
-- https://docs.fortinet.com/document/fortigate/7.6.1/fortios-log-message-reference/160372
-- https://docs.fortinet.com/document/fortigate/7.6.1/fortios-log-message-reference/13
-- https://docs.fortinet.com/document/fortigate/7.6.0/fortios-log-message-reference/16384
--
-- eventtime is in nanoseconds since FortiOS 6.2, and in seconds before. Older logs have only date and time, from the
-- firewall's own clock; tz is its offset. A log without eventtime and tz is read in source.timezone of the job file,
-- else in UTC.
--
-- Of the event logs (type="event"), logins and logouts are authentication: administrators, users behind the firewall, and
-- the SSL VPN (messages 39424 to 39426). Changes of the configuration (cfgpath) are entity management. IPsec tunnels that come
-- up and go down are network activity. A drop line filters and counts all other event logs (HA, DHCP, statistics of tunnels
-- and others). FortiOS 5.6 and 6.0 write some inspection logs with a type of their own (dns, anomaly, webfilter, app-ctrl and
-- others) instead of utm; they are mapped like utm. Logs of any other type go to quarantine, and so do logs in FortiGate's
-- format csv. Fields that the SELECTs do not read go to unmapped under their own names, and so do fields that a later
-- release adds.
--
-- action of a traffic log is deny if the policy stopped the session. Any other value says how an allowed session ended, so
-- utmaction decides whether the inspection stopped it.
--
-- Tried against public logs of 2016 to 2025, of which some name FortiOS 6.0 and 7.4. [Public samples](../samples.md) has
-- the projects and the counts. The tests of the mapping have logs in the forms of FortiOS 5.6 to 7.6.
CREATE TABLE raw (
  "date"       VARCHAR,
  "time"       VARCHAR,
  tz           VARCHAR, -- +0200
  eventtime    VARCHAR,
  logid        VARCHAR,
  "type"       VARCHAR, -- traffic, utm, event; dns, anomaly and others
  subtype      VARCHAR, -- forward, local, multicast, sniffer; virus, webfilter, ips, app-ctrl, dns, anomaly, ...
  "level"      VARCHAR, -- of syslog, in words
  devname      VARCHAR,
  devid        VARCHAR,
  "action"     VARCHAR, -- of traffic: deny, else how the session ended
  utmaction    VARCHAR, -- what the inspection did with the session
  msg          VARCHAR,
  status       VARCHAR, -- of an event: success, failed, failure
  reason       VARCHAR,
  remip        VARCHAR, -- of a VPN client, or of the other gateway
  remport      INTEGER,
  locip        VARCHAR, -- of this gateway
  locport      INTEGER,
  tunnelid     VARCHAR, -- a number, never computed with
  cfgpath      VARCHAR, -- of a change of the configuration: firewall.policy, system.admin, ...
  cfgobj       VARCHAR,

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
  url          VARCHAR, -- a URL, or its path behind hostname
  "key" STRUCT(source_timezone VARCHAR)
);
