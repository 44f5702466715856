-- format: csv
-- header: no
-- syslog: yes
-- null: N/A, n/a
-- extra: quarantine
-- braces: link_switches
-- expect: start [0-9]{4}[/-][0-9]{2}[/-][0-9]{2}[ T][0-9:.]+(?:Z|[+-][0-9]{2}:?[0-9]{2})?
-- expect: flags 0x[0-9a-f]+|[0-9]+
-- expect: assoc_id -?[0-9]+
-- expect: rule_uuid .*[^0-9].*|[0-9]{3,}
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
-- columns: type=START: future_use_1, receive_time, serial, type, subtype, config_version, time_generated, src, dst
-- columns: type=START: natsrc, natdst, rule, srcuser, dstuser, app, vsys, from, to, inbound_if, outbound_if, logset
-- columns: type=START: future_use_2, sessionid, repeatcnt, sport, dport, natsport, natdport, flags, proto, action
-- columns: type=START: severity, seqno, actionflags, srcloc, dstloc, dg_hier_level_1, dg_hier_level_2, dg_hier_level_3
-- columns: type=START: dg_hier_level_4, vsys_name, device_name, tunnelid, monitortag, parent_session_id
-- columns: type=START: parent_start_time, tunnel, bytes, bytes_sent, bytes_received, packets, pkts_sent, pkts_received
-- columns: type=START: max_encap, unknown_proto, strict_check, tunnel_fragment, sessions_created, sessions_closed
-- columns: type=START: session_end_reason, action_source, start, elapsed, tunnel_insp_rule, remote_user_ip
-- columns: type=START: remote_user_id, rule_uuid, pcap_id, dynusergroup_name, src_edl, dst_edl, high_res_timestamp
-- columns: type=START: nssai_sd, nssai_sst, pdu_session_id, subcategory_of_app, category_of_app, technology_of_app
-- columns: type=START: risk_of_app, characteristic_of_app, container_of_app, is_saas_of_app, sanctioned_state_of_app
-- columns: type=START: cluster_name
-- columns: type=END: future_use_1, receive_time, serial, type, subtype, config_version, time_generated, src, dst
-- columns: type=END: natsrc, natdst, rule, srcuser, dstuser, app, vsys, from, to, inbound_if, outbound_if, logset
-- columns: type=END: future_use_2, sessionid, repeatcnt, sport, dport, natsport, natdport, flags, proto, action
-- columns: type=END: severity, seqno, actionflags, srcloc, dstloc, dg_hier_level_1, dg_hier_level_2, dg_hier_level_3
-- columns: type=END: dg_hier_level_4, vsys_name, device_name, tunnelid, monitortag, parent_session_id
-- columns: type=END: parent_start_time, tunnel, bytes, bytes_sent, bytes_received, packets, pkts_sent, pkts_received
-- columns: type=END: max_encap, unknown_proto, strict_check, tunnel_fragment, sessions_created, sessions_closed
-- columns: type=END: session_end_reason, action_source, start, elapsed, tunnel_insp_rule, remote_user_ip
-- columns: type=END: remote_user_id, rule_uuid, pcap_id, dynusergroup_name, src_edl, dst_edl, high_res_timestamp
-- columns: type=END: nssai_sd, nssai_sst, pdu_session_id, subcategory_of_app, category_of_app, technology_of_app
-- columns: type=END: risk_of_app, characteristic_of_app, container_of_app, is_saas_of_app, sanctioned_state_of_app
-- columns: type=END: cluster_name
-- columns: type=SCTP: future_use_1, receive_time, serial, type, subtype, config_version, time_generated, src, dst
-- columns: type=SCTP: future_use_3, future_use_4, rule, future_use_5, future_use_6, future_use_7, vsys, from, to
-- columns: type=SCTP: inbound_if, outbound_if, logset, future_use_2, sessionid, repeatcnt, sport, dport, future_use_8
-- columns: type=SCTP: future_use_9, future_use_10, future_use_11, proto, action, dg_hier_level_1, dg_hier_level_2
-- columns: type=SCTP: dg_hier_level_3, dg_hier_level_4, vsys_name, device_name, seqno, future_use_12, assoc_id, ppid
-- columns: type=SCTP: severity, sctp_chunk_type, future_use_13, verif_tag_1, verif_tag_2, sctp_cause_code, diam_app_id
-- columns: type=SCTP: diam_cmd_code, diam_avp_code, stream_id, assoc_end_reason, op_code, sccp_calling_ssn
-- columns: type=SCTP: sccp_calling_gt, sctp_filter, chunks, chunks_sent, chunks_received, packets, pkts_sent
-- columns: type=SCTP: pkts_received, rule_uuid, high_res_timestamp
-- columns: type=DECRYPTION: future_use_1, receive_time, serial, type, subtype, config_version, time_generated, src
-- columns: type=DECRYPTION: dst, natsrc, natdst, rule, srcuser, dstuser, app, vsys, from, to, inbound_if, outbound_if
-- columns: type=DECRYPTION: logset, future_use_2, sessionid, repeatcnt, sport, dport, natsport, natdport, flags, proto
-- columns: type=DECRYPTION: action, tunnel, future_use_3, future_use_4, src_uuid, dst_uuid, rule_uuid, hs_stage_c2f
-- columns: type=DECRYPTION: hs_stage_f2s, tls_version, tls_keyxchg, tls_enc, tls_auth, policy_name, ec_curve
-- columns: type=DECRYPTION: err_index, root_status, chain_status, proxy_type, cert_serial, fingerprint, notbefore
-- columns: type=DECRYPTION: notafter, cert_ver, cert_size, cn_len, issuer_len, rootcn_len, sni_len, cert_flags, cn
-- columns: type=DECRYPTION: issuer_cn, root_cn, sni, error, container_id, pod_namespace, pod_name, src_edl, dst_edl
-- columns: type=DECRYPTION: src_dag, dst_dag, high_res_timestamp, src_category, src_profile, src_model, src_vendor
-- columns: type=DECRYPTION: src_osfamily, src_osversion, src_host, src_mac, dst_category, dst_profile, dst_model
-- columns: type=DECRYPTION: dst_vendor, dst_osfamily, dst_osversion, dst_host, dst_mac, seqno, actionflags
-- columns: type=DECRYPTION: dg_hier_level_1, dg_hier_level_2, dg_hier_level_3, dg_hier_level_4, vsys_name, device_name
-- columns: type=DECRYPTION: vsys_id, subcategory_of_app, category_of_app, technology_of_app, risk_of_app
-- columns: type=DECRYPTION: characteristic_of_app, container_of_app, tunneled_app, is_saas_of_app
-- columns: type=DECRYPTION: sanctioned_state_of_app, cluster_name
--
-- Palo Alto Networks PAN-OS logs of traffic, threats, decryption, SCTP and tunnel inspection (types START and END) as a
-- firewall or Panorama forwards them: CSV. A syslog header in front is accepted.
--
-- All times of a record are from the firewall's clock. high_res_timestamp (PAN-OS 10.0 and later) has an offset, which is
-- that of the other times too. In records without it, they are in source.timezone of the job file, else in UTC.
--
-- The columns lines have the vendor's order. Each release has added columns at the end, so the lists are those of PAN-OS 8.0
-- to 11.2, and a release before has fewer fields. A record with more fields than its list, or with a value that its column
-- cannot have, goes to quarantine as CSV_COLUMNS: its fields may be in other columns. The names are the vendor's names for
-- custom log formats. For a custom log format, write its own order.
--
-- SYSTEM, CONFIG, GLOBALPROTECT, USERID, HIPMATCH, AUTHENTICATION, IPTAG, CORRELATION, AUDIT and GTP logs are filtered by
-- a drop line and counted. Logs of any other type go to quarantine.
-- https://docs.paloaltonetworks.com/pan-os/11-0/pan-os-admin/monitoring/use-syslog-for-monitoring (traffic log fields)
-- https://docs.paloaltonetworks.com/pan-os/10-2/pan-os-admin/monitoring/use-syslog-for-monitoring (the other log fields)
--
-- Tried against logs of PAN-OS 8.1, 9.1, 10.0, 10.1, 10.2 and 11.0.
--
-- The table has the fields that the SELECTs read. All other columns go to unmapped under the names above.
CREATE TABLE raw (
  receive_time       VARCHAR,   -- when the management plane took the log
  serial             VARCHAR,
  "type"             VARCHAR,   -- TRAFFIC, THREAT, DECRYPTION, SCTP; START and END of tunnel inspection
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

  -- decryption
  tls_version        VARCHAR,
  tls_keyxchg        VARCHAR,
  tls_enc            VARCHAR,
  tls_auth           VARCHAR,
  cert_serial        VARCHAR,
  fingerprint        VARCHAR,   -- SHA-256 of the certificate
  notafter           VARCHAR,   -- when the certificate expires
  cert_ver           VARCHAR,
  cn                 VARCHAR,
  issuer_cn          VARCHAR,
  sni                VARCHAR,
  error              VARCHAR,

  -- all, after the columns that differ
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
