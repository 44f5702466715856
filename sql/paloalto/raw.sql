-- format: csv
-- header: no
-- syslog: yes
-- null: N/A, n/a
-- extra: quarantine
-- braces: link_switches
-- expect: start [0-9]{4}[/-][0-9]{2}[/-][0-9]{2}[ T][0-9:.]+Z?
-- expect: flags 0x[0-9a-f]+|[0-9]+
-- expect: assoc_id -?[0-9]+
-- expect: rule_uuid .*[^0-9].*
-- expect: http2_connection [0-9]+
-- expect: high_res_timestamp [0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(?:Z|[+-][0-9]{2}:?[0-9]{2})?
-- expect: nssai_sst [0-9A-Za-z_-]+
-- expect: risk_of_app [0-9]+
-- columns: future_use_1, receive_time, serial, type, subtype
-- columns: type=TRAFFIC: future_use_1, receive_time, serial, type, subtype, config_version, time_generated, src, dst, natsrc
-- columns: type=TRAFFIC: natdst, rule, srcuser, dstuser, app, vsys, from, to, inbound_if, outbound_if, logset, future_use_2
-- columns: type=TRAFFIC: sessionid, repeatcnt, sport, dport, natsport, natdport, flags, proto, action, bytes, bytes_sent
-- columns: type=TRAFFIC: bytes_received, packets, start, elapsed, category, future_use_3, seqno, actionflags, srcloc, dstloc
-- columns: type=TRAFFIC: future_use_4, pkts_sent, pkts_received, session_end_reason, dg_hier_level_1, dg_hier_level_2
-- columns: type=TRAFFIC: dg_hier_level_3, dg_hier_level_4, vsys_name, device_name, action_source, src_uuid, dst_uuid, tunnelid
-- columns: type=TRAFFIC: monitortag, parent_session_id, parent_start_time, tunnel, assoc_id, chunks, chunks_sent
-- columns: type=TRAFFIC: chunks_received, rule_uuid, http2_connection, link_change_count, policy_id, link_switches
-- columns: type=TRAFFIC: sdwan_cluster, sdwan_device_type, sdwan_cluster_type, sdwan_site, dynusergroup_name, xff_ip
-- columns: type=TRAFFIC: src_category, src_profile, src_model, src_vendor, src_osfamily, src_osversion, src_host, src_mac
-- columns: type=TRAFFIC: dst_category, dst_profile, dst_model, dst_vendor, dst_osfamily, dst_osversion, dst_host, dst_mac
-- columns: type=TRAFFIC: container_id, pod_namespace, pod_name, src_edl, dst_edl, hostid, serialnumber, src_dag, dst_dag
-- columns: type=TRAFFIC: session_owner, high_res_timestamp, nssai_sst, nssai_sd, subcategory_of_app, category_of_app
-- columns: type=TRAFFIC: technology_of_app, risk_of_app, characteristic_of_app, container_of_app, tunneled_app, is_saas_of_app
-- columns: type=TRAFFIC: sanctioned_state_of_app, offloaded, flow_type, cluster_name
-- columns: type=THREAT: future_use_1, receive_time, serial, type, subtype, config_version, time_generated, src, dst, natsrc
-- columns: type=THREAT: natdst, rule, srcuser, dstuser, app, vsys, from, to, inbound_if, outbound_if, logset, future_use_2
-- columns: type=THREAT: sessionid, repeatcnt, sport, dport, natsport, natdport, flags, proto, action, misc, threatid, category
-- columns: type=THREAT: severity, direction, seqno, actionflags, srcloc, dstloc, future_use_3, contenttype, pcap_id, filedigest
-- columns: type=THREAT: cloud, url_idx, user_agent, filetype, xff, referer, sender, subject, recipient, reportid
-- columns: type=THREAT: dg_hier_level_1, dg_hier_level_2, dg_hier_level_3, dg_hier_level_4, vsys_name, device_name, future_use_4
-- columns: type=THREAT: src_uuid, dst_uuid, http_method, tunnelid, monitortag, parent_session_id, parent_start_time, tunnel
-- columns: type=THREAT: thr_category, contentver, future_use_5, assoc_id, ppid, http_headers, url_category_list, rule_uuid
-- columns: type=THREAT: http2_connection, dynusergroup_name, xff_ip, src_category, src_profile, src_model, src_vendor
-- columns: type=THREAT: src_osfamily, src_osversion, src_host, src_mac, dst_category, dst_profile, dst_model, dst_vendor
-- columns: type=THREAT: dst_osfamily, dst_osversion, dst_host, dst_mac, container_id, pod_namespace, pod_name, src_edl, dst_edl
-- columns: type=THREAT: hostid, serialnumber, domain_edl, src_dag, dst_dag, partial_hash, high_res_timestamp, reason
-- columns: type=THREAT: justification, nssai_sst, subcategory_of_app, category_of_app, technology_of_app, risk_of_app
-- columns: type=THREAT: characteristic_of_app, container_of_app, tunneled_app, is_saas_of_app, sanctioned_state_of_app
-- columns: type=THREAT: cloud_reportid, flow_type, cluster_name
--
-- Palo Alto Networks PAN-OS traffic and threat logs as a firewall or Panorama forwards them: CSV. A syslog header in
-- front is accepted.
--
-- All times of a record are from the firewall's clock. high_res_timestamp (PAN-OS 10.0 and later) has an offset, which is
-- that of the other times too. In records without it, they are in source.timezone of the job file, else in UTC.
--
-- The columns lines have the vendor's order. Each release has added columns at the end, so the lists are those of PAN-OS 8.0
-- to 11.2, and a release before has fewer fields. A record with more fields than its list, or with a value that its column
-- cannot have, goes to quarantine as CSV_COLUMNS: its fields may be in other columns. The names are the vendor's names for
-- custom log formats. For a custom log format, write its own order.
--
-- SYSTEM, CONFIG, GLOBALPROTECT, USERID, HIPMATCH, AUTHENTICATION, IPTAG, CORRELATION, AUDIT, DECRYPTION, SCTP, GTP and
-- tunnel inspection logs (START, END) are filtered by a drop line and counted. Logs of any other type go to quarantine.
-- https://docs.paloaltonetworks.com/pan-os/11-0/pan-os-admin/monitoring/use-syslog-for-monitoring (traffic log fields)
-- https://docs.paloaltonetworks.com/pan-os/10-2/pan-os-admin/monitoring/use-syslog-for-monitoring (threat log fields)
--
-- Tried against logs of PAN-OS 8.1, 9.1, 10.0, 10.1, 10.2 and 11.0.
--
-- The table has the fields that the SELECTs read. All other columns go to unmapped under the names above.
CREATE TABLE raw (
  receive_time       VARCHAR,   -- when the management plane took the log
  serial             VARCHAR,
  "type"             VARCHAR,   -- TRAFFIC, THREAT
  subtype            VARCHAR,   -- start, end, drop, deny; virus, spyware, vulnerability, url, file, ...
  time_generated     VARCHAR,   -- by the firewall's clock, like receive_time and start
  src                VARCHAR,
  dst                VARCHAR,
  natsrc             VARCHAR,   -- 0.0.0.0 or :: where nothing was translated
  natdst             VARCHAR,
  "rule"             VARCHAR,
  srcuser            VARCHAR,   -- domain\user or user@domain
  app                VARCHAR,
  "from"             VARCHAR,   -- zones
  "to"               VARCHAR,
  inbound_if         VARCHAR,
  outbound_if        VARCHAR,
  sessionid          VARCHAR,   -- a number, never computed with
  repeatcnt          INTEGER,
  sport              INTEGER,
  dport              INTEGER,
  natsport           INTEGER,   -- 0 where nothing was translated
  natdport           INTEGER,
  proto              VARCHAR,
  "action"           VARCHAR,

  -- traffic
  bytes              BIGINT,
  bytes_sent         BIGINT,    -- from client to server
  bytes_received     BIGINT,
  packets            BIGINT,
  pkts_sent          BIGINT,
  pkts_received      BIGINT,
  chunks             BIGINT,    -- of SCTP
  chunks_sent        BIGINT,
  chunks_received    BIGINT,
  "start"            VARCHAR,
  elapsed            BIGINT,    -- seconds
  session_end_reason VARCHAR,

  -- threat
  misc               VARCHAR,   -- a URL without its scheme where subtype is url, else a file's name
  threatid           VARCHAR,   -- name(number)
  severity           VARCHAR,
  url_category_list  VARCHAR,   -- separated by commas

  -- both, after the columns that differ
  seqno              VARCHAR,   -- unique for one firewall and log type
  srcloc             VARCHAR,   -- a country's code, or a range of private addresses
  dstloc             VARCHAR,
  device_name        VARCHAR,
  rule_uuid          VARCHAR,
  src_host           VARCHAR,
  src_mac            VARCHAR,
  dst_host           VARCHAR,
  dst_mac            VARCHAR,
  high_res_timestamp VARCHAR,   -- ISO 8601 with an offset
  syslog STRUCT(host VARCHAR),  -- of the header in front, where there is one
  "key" STRUCT(source_timezone VARCHAR)
);
