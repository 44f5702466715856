-- class: network_activity
-- ocsf: 1.1.0
-- profiles: cloud, security_control
-- drop: "log-status" = 'NODATA'
-- drop: "log-status" = 'SKIPDATA'
-- consumes: "action" = CASE action_id WHEN 1 THEN 'ACCEPT' WHEN 2 THEN 'REJECT' END
-- consumes: "type" = CASE connection_info.protocol_ver_id WHEN 4 THEN 'IPv4' WHEN 6 THEN 'IPv6' END
-- consumes: "flow-direction" = CASE connection_info.direction_id WHEN 1 THEN 'ingress' WHEN 2 THEN 'egress' END
-- consumes: "interface-id" = coalesce(src_endpoint.interface_uid, dst_endpoint.interface_uid)
-- consumes: "instance-id" = coalesce(src_endpoint.instance_uid, dst_endpoint.instance_uid)
-- consumes: "subnet-id" = coalesce(src_endpoint.subnet_uid, dst_endpoint.subnet_uid)
-- consumes: "vpc-id" = coalesce(src_endpoint.vpc_uid, dst_endpoint.vpc_uid)
SELECT
  "start" AS "time",
  "start" AS start_time,
  "end"   AS end_time,
  6 AS activity_id, -- Traffic
  1 AS severity_id, -- Informational
  CASE "action" WHEN 'ACCEPT' THEN 1 WHEN 'REJECT' THEN 2 ELSE 0 END AS action_id,
  CASE "action" WHEN 'ACCEPT' THEN 1 WHEN 'REJECT' THEN 2 ELSE 0 END AS disposition_id,
  "log-status" AS status_code,

  srcaddr AS "src_endpoint.ip",
  srcport AS "src_endpoint.port",
  dstaddr AS "dst_endpoint.ip",
  dstport AS "dst_endpoint.port",

  -- The interface is the source's when the flow leaves it, else the destination's. The default format does not say which.
  CASE "flow-direction" WHEN 'egress' THEN "interface-id" END AS "src_endpoint.interface_uid",
  CASE "flow-direction" WHEN 'egress' THEN "instance-id" END AS "src_endpoint.instance_uid",
  CASE "flow-direction" WHEN 'egress' THEN "subnet-id" END AS "src_endpoint.subnet_uid",
  CASE "flow-direction" WHEN 'egress' THEN "vpc-id" END AS "src_endpoint.vpc_uid",
  CASE "flow-direction" WHEN 'ingress' THEN "interface-id" END AS "dst_endpoint.interface_uid",
  CASE "flow-direction" WHEN 'ingress' THEN "instance-id" END AS "dst_endpoint.instance_uid",
  CASE "flow-direction" WHEN 'ingress' THEN "subnet-id" END AS "dst_endpoint.subnet_uid",
  CASE "flow-direction" WHEN 'ingress' THEN "vpc-id" END AS "dst_endpoint.vpc_uid",

  CASE CASE WHEN NOT is_group_ip(dstaddr) THEN "flow-direction" END WHEN 'ingress' THEN 1 WHEN 'egress' THEN 2 -- multicast does not leave the VPC
    ELSE direction_between(srcaddr, dstaddr) END AS "connection_info.direction_id",
  protocol AS "connection_info.protocol_num",
  iana_protocol_name(protocol) AS "connection_info.protocol_name",
  CASE "type" WHEN 'IPv4' THEN 4 WHEN 'IPv6' THEN 6 END AS "connection_info.protocol_ver_id",
  "tcp-flags" AS "connection_info.tcp_flags",

  packets AS "traffic.packets",
  bytes   AS "traffic.bytes",

  'AWS' AS "cloud.provider",
  region AS "cloud.region",
  "account-id" AS "cloud.account.uid",

  'Amazon VPC' AS "metadata.product.name",
  'AWS' AS "metadata.product.vendor_name",
  'Flow Logs' AS "metadata.product.feature.name"
FROM raw;
