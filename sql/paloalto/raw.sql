-- format: csv
-- header: no
-- syslog: yes
-- null: N/A, n/a, null, (null), -, ""
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
-- expect: dg_hier_level_2 [0-9]+
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
-- columns: type=GLOBALPROTECT: future_use_1, receive_time, serial, type, subtype, config_version, time_generated
-- columns: type=GLOBALPROTECT: vsys, eventid, stage, auth_method, tunnel_type, srcuser, srcregion, machinename
-- columns: type=GLOBALPROTECT: public_ip, public_ipv6, private_ip, private_ipv6, hostid, serialnumber, client_ver
-- columns: type=GLOBALPROTECT: client_os, client_os_ver, repeatcnt, reason, error, opaque, status, location
-- columns: type=GLOBALPROTECT: login_duration, connect_method, error_code, portal, seqno, actionflags
-- columns: type=GLOBALPROTECT: high_res_timestamp, selection_type, response_time, priority, attempted_gateways
-- columns: type=GLOBALPROTECT: gateway, dg_hier_level_1, dg_hier_level_2, dg_hier_level_3, dg_hier_level_4, vsys_name
-- columns: type=GLOBALPROTECT: device_name, vsys_id, cluster_name
-- columns: type=AUTHENTICATION: future_use_1, receive_time, serial, type, subtype, config_version, time_generated
-- columns: type=AUTHENTICATION: vsys, ip, user, normalize_user, object, authpolicy, repeatcnt, authid, vendor, logset
-- columns: type=AUTHENTICATION: serverprofile, desc, clienttype, event, factorno, seqno, actionflags, dg_hier_level_1
-- columns: type=AUTHENTICATION: dg_hier_level_2, dg_hier_level_3, dg_hier_level_4, vsys_name, device_name, vsys_id
-- columns: type=AUTHENTICATION: authproto, rule_uuid, high_res_timestamp, src_category, src_profile, src_model
-- columns: type=AUTHENTICATION: src_vendor, src_osfamily, src_osversion, src_host, src_mac, region, future_use_2
-- columns: type=AUTHENTICATION: user_agent, sessionid, cluster_name
-- columns: type=AUTH: future_use_1, receive_time, serial, type, subtype, config_version, time_generated, vsys, ip
-- columns: type=AUTH: user, normalize_user, object, authpolicy, repeatcnt, authid, vendor, logset, serverprofile
-- columns: type=AUTH: desc, clienttype, event, factorno, seqno, actionflags, dg_hier_level_1, dg_hier_level_2
-- columns: type=AUTH: dg_hier_level_3, dg_hier_level_4, vsys_name, device_name, vsys_id, authproto, rule_uuid
-- columns: type=AUTH: high_res_timestamp, src_category, src_profile, src_model, src_vendor, src_osfamily
-- columns: type=AUTH: src_osversion, src_host, src_mac, region, future_use_2, user_agent, sessionid, cluster_name
-- columns: type=USERID: future_use_1, receive_time, serial, type, subtype, config_version, time_generated, vsys, ip
-- columns: type=USERID: user, datasourcename, eventid, repeatcnt, timeout, beginport, endport, datasource
-- columns: type=USERID: datasourcetype, seqno, actionflags, dg_hier_level_1, dg_hier_level_2, dg_hier_level_3
-- columns: type=USERID: dg_hier_level_4, vsys_name, device_name, vsys_id, factortype, factorcompletiontime, factorno
-- columns: type=USERID: ugflags, userbysource, tag_name, high_res_timestamp, origindatasource, future_use_2
-- columns: type=USERID: cluster_name
-- columns: type=SYSTEM: future_use_1, receive_time, serial, type, subtype, config_version, time_generated, vsys
-- columns: type=SYSTEM: eventid, object, future_use_2, future_use_3, module, severity, opaque, seqno, actionflags
-- columns: type=SYSTEM: dg_hier_level_1, dg_hier_level_2, dg_hier_level_3, dg_hier_level_4, vsys_name, device_name
-- columns: type=SYSTEM: future_use_4, future_use_5, high_res_timestamp
-- columns: type=CONFIG: future_use_1, receive_time, serial, type, subtype, config_version, time_generated, host, vsys
-- columns: type=CONFIG: cmd, admin, client, result, path, seqno, actionflags, dg_hier_level_1, dg_hier_level_2
-- columns: type=CONFIG: dg_hier_level_3, dg_hier_level_4, vsys_name, device_name, dg_id, comment, future_use_2
-- columns: type=CONFIG: high_res_timestamp, before_change_detail, after_change_detail
-- columns: type=HIPMATCH: future_use_1, receive_time, serial, type, subtype, config_version, time_generated, srcuser
-- columns: type=HIPMATCH: vsys, machinename, os, src, matchname, repeatcnt, matchtype, future_use_2, future_use_3
-- columns: type=HIPMATCH: seqno, actionflags, dg_hier_level_1, dg_hier_level_2, dg_hier_level_3, dg_hier_level_4
-- columns: type=HIPMATCH: vsys_name, device_name, vsys_id, srcipv6, hostid, serialnumber, mac, high_res_timestamp
-- columns: type=HIPMATCH: cluster_name
-- columns: type=HIP-MATCH: future_use_1, receive_time, serial, type, subtype, config_version, time_generated, srcuser
-- columns: type=HIP-MATCH: vsys, machinename, os, src, matchname, repeatcnt, matchtype, future_use_2, future_use_3
-- columns: type=HIP-MATCH: seqno, actionflags, dg_hier_level_1, dg_hier_level_2, dg_hier_level_3, dg_hier_level_4
-- columns: type=HIP-MATCH: vsys_name, device_name, vsys_id, srcipv6, hostid, serialnumber, mac, high_res_timestamp
-- columns: type=HIP-MATCH: cluster_name
-- columns: type=GTP: future_use_1, receive_time, serial, type, subtype, config_version, time_generated, src, dst
-- columns: type=GTP: future_use_2, future_use_3, rule, future_use_4, future_use_5, app, vsys, from, to, inbound_if
-- columns: type=GTP: outbound_if, logset, future_use_6, sessionid, future_use_7, sport, dport, future_use_8
-- columns: type=GTP: future_use_9, future_use_10, proto, action, event_type, msisdn, apn, rat, msg_type, end_ip_adr
-- columns: type=GTP: teid1, teid2, gtp_interface, cause_code, severity, mcc, mnc, area_code, cell_id, event_code
-- columns: type=GTP: future_use_11, future_use_12, srcloc, dstloc, future_use_13, future_use_14, future_use_15
-- columns: type=GTP: future_use_16, future_use_17, future_use_18, future_use_19, imsi, imei, future_use_20
-- columns: type=GTP: future_use_21, future_use_22, future_use_23, future_use_24, future_use_25, future_use_26
-- columns: type=GTP: future_use_27, future_use_28, future_use_29, future_use_30, future_use_31, future_use_32
-- columns: type=GTP: future_use_33, future_use_34, future_use_35, start, elapsed, tunnel_insp_rule, remote_user_ip
-- columns: type=GTP: remote_user_id, rule_uuid, pcap_id, high_res_timestamp, nssai_sst, nssai_sd, subcategory_of_app
-- columns: type=GTP: category_of_app, technology_of_app, risk_of_app, characteristic_of_app, container_of_app
-- columns: type=GTP: is_saas_of_app, sanctioned_state_of_app
--
-- Palo Alto Networks PAN-OS logs as a firewall or Panorama forwards them: CSV. A syslog header in front is accepted.
--
-- Logs of traffic, threats (with URLs, files and the verdicts of WildFire), decryption, SCTP, GTP and tunnel inspection (types
-- START and END) are network activity. Logins and logouts are authentication: those of GLOBALPROTECT (portal-auth,
-- gateway-auth, gateway-logout), AUTHENTICATION, USERID (login, logout) and SYSTEM (auth-success, auth-fail, administrators).
-- CONFIG is entity management. HIPMATCH is device inventory.
--
-- Drop lines filter and count what has no class: all other records of GLOBALPROTECT, USERID and SYSTEM, logins that name
-- nobody, IPTAG, CORRELATION and AUDIT. Logs of any other type go to quarantine.
--
-- All times of a record are from the firewall's clock. high_res_timestamp (PAN-OS 10.0 and later) has an offset, which is
-- that of the other times too. In records without it, they are in source.timezone of the job file, else in UTC.
--
-- The columns lines have the vendor's order. Each release has added columns at the end, so the lists are those of PAN-OS 8.0
-- to 12.1, and a release before has fewer fields. A record with more fields than its list, or with a value that its column
-- cannot have, goes to quarantine as CSV_COLUMNS: its fields may be in other columns. The names are the vendor's names for
-- custom log formats. For a custom log format, write its own order.
-- https://docs.paloaltonetworks.com/pan-os/11-0/pan-os-admin/monitoring/use-syslog-for-monitoring (traffic log fields)
-- https://docs.paloaltonetworks.com/pan-os/10-2/pan-os-admin/monitoring/use-syslog-for-monitoring (the other log fields)
-- https://docs.paloaltonetworks.com/ngfw/administration/monitoring/use-syslog-for-monitoring (11.1 to 12.1)
--
-- Tried against public logs of PAN-OS 8.1, 9.0, 9.1, 10.1, 10.2, 11.0 and 11.1, and against older ones. [Public samples](../samples.md)
-- has the projects and the counts. Columns that 11.2 and 12.1 add are in the lists as the vendor documents them.
--
-- The table has the fields that the SELECTs read. All other columns go to unmapped under the names above.
CREATE TABLE raw (
  receive_time       VARCHAR,   -- when the management plane took the log
  serial             VARCHAR,
  "type"             VARCHAR,   -- TRAFFIC, THREAT, GLOBALPROTECT, ...; START and END of tunnel inspection
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
  flags              VARCHAR,   -- 0x00800000: URL filtering denied the session

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
  error              VARCHAR,   -- of logins too

  -- logins
  eventid            VARCHAR,   -- portal-auth, gateway-auth, ...; auth-success, auth-fail, general
  "user"             VARCHAR,
  normalize_user     VARCHAR,
  ip                 VARCHAR,
  machinename        VARCHAR,   -- of the user's device
  public_ip          VARCHAR,   -- of the user's device; 0.0.0.0 where there is none
  public_ipv6        VARCHAR,
  srcregion          VARCHAR,
  portal             VARCHAR,
  auth_method        VARCHAR,   -- LDAP, RADIUS, SAML, ...
  authproto          VARCHAR,   -- PAP, CHAP, PEAP-MSCHAPv2, ...
  status             VARCHAR,   -- success, failure
  error_code         VARCHAR,
  reason             VARCHAR,
  opaque             VARCHAR,   -- the description, in words
  "desc"             VARCHAR,
  "event"            VARCHAR,   -- the result, in words
  factorno           INTEGER,   -- 1 is the first factor
  login_duration     BIGINT,    -- seconds

  -- changes of the configuration
  cmd                VARCHAR,   -- add, clone, commit, delete, edit, move, rename, set, override
  "admin"            VARCHAR,
  "result"           VARCHAR,   -- Submitted, Succeeded, Failed, Unauthorized
  path               VARCHAR,
  "comment"          VARCHAR,

  -- host information
  os                 VARCHAR,
  srcipv6            VARCHAR,   -- 0.0.0.0 where there is none
  mac                VARCHAR,
  hostid             VARCHAR,
  serialnumber       VARCHAR,   -- of the user's device

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
