-- class: network_activity
-- ocsf: 1.1.0
-- profiles: cloud, security_control, datetime
-- consumes: account_id = cloud.account.uid
-- consumes: region = cloud.region
-- consumes: srcaddr = coalesce(src_endpoint.intermediate_ips[1], src_endpoint.ip)
-- consumes: dstaddr = coalesce(dst_endpoint.intermediate_ips[1], dst_endpoint.ip)
-- consumes: pkt_srcaddr = src_endpoint.ip
-- consumes: pkt_dstaddr = dst_endpoint.ip
-- consumes: "action" = CASE action_id WHEN 1 THEN 'ACCEPT' WHEN 2 THEN 'REJECT' WHEN 99 THEN "action" END
-- consumes: flow_direction = CASE connection_info.direction_id WHEN 1 THEN 'ingress' WHEN 2 THEN 'egress' WHEN 99 THEN connection_info.direction END
-- consumes: traffic_path = CASE WHEN connection_info.boundary_id BETWEEN 4 AND 11 THEN (connection_info.boundary_id - 3)::VARCHAR WHEN connection_info.boundary_id = 99 THEN connection_info.boundary END
-- consumes: interface_id = coalesce(src_endpoint.interface_uid, dst_endpoint.interface_uid)
-- consumes: instance_id = coalesce(src_endpoint.instance_uid, dst_endpoint.instance_uid)
-- consumes: subnet_id = coalesce(src_endpoint.subnet_uid, dst_endpoint.subnet_uid)
-- consumes: vpc_id = coalesce(src_endpoint.vpc_uid, dst_endpoint.vpc_uid)
-- consumes: pkt_dst_aws_service = dst_endpoint.svc_name
SELECT
  -- Security Lake writes the epochs of the interval only as timestamps (start_time_dt, end_time_dt), and time as both.
  "start" AS "time",
  "start" AS start_time_dt,
  "end"   AS end_time_dt,
  CASE "action" WHEN 'ACCEPT' THEN 6 WHEN 'REJECT' THEN 5 ELSE 0 END AS activity_id, -- Traffic, Refuse, Unknown
  1 AS severity_id, -- Informational
  CASE "action" WHEN 'ACCEPT' THEN 1 WHEN 'REJECT' THEN 2 ELSE CASE WHEN "action" IS NULL THEN 0 ELSE 99 END END AS action_id,
  CASE WHEN "action" NOT IN ('ACCEPT', 'REJECT') THEN "action" END AS "action",
  CASE "action" WHEN 'ACCEPT' THEN 'Allowed' WHEN 'REJECT' THEN 'Blocked' ELSE "action" END AS disposition,
  log_status AS status_code,
  reject_reason AS status_detail,

  -- The packet's addresses are those of the endpoints. If those of the hop are others (NAT gateway, load balancer, transit
  -- gateway), they are on the way.
  coalesce(pkt_srcaddr, srcaddr) AS "src_endpoint.ip",
  CASE WHEN pkt_srcaddr <> srcaddr THEN [srcaddr] END AS "src_endpoint.intermediate_ips",
  srcport AS "src_endpoint.port",
  pkt_src_aws_service AS "src_endpoint.svc_name",
  coalesce(pkt_dstaddr, dstaddr) AS "dst_endpoint.ip",
  CASE WHEN pkt_dstaddr <> dstaddr THEN [dstaddr] END AS "dst_endpoint.intermediate_ips",
  dstport AS "dst_endpoint.port",
  -- OCSF requires a destination: a record of the status NODATA or SKIPDATA has a dash there, as in version 5
  coalesce(pkt_dst_aws_service, CASE WHEN no_flow(log_status) THEN '-' END) AS "dst_endpoint.svc_name",

  -- The interface is that of the destination if the flow enters it. The default format does not say so, and the ID stays in
  -- unmapped; a record without a flow has it in the source.
  CASE WHEN owner_side(flow_direction, log_status) = 'src' THEN interface_id END AS "src_endpoint.interface_uid",
  CASE WHEN owner_side(flow_direction, log_status) = 'src' THEN instance_id END AS "src_endpoint.instance_uid",
  CASE WHEN owner_side(flow_direction, log_status) = 'src' THEN subnet_id END AS "src_endpoint.subnet_uid",
  CASE WHEN owner_side(flow_direction, log_status) = 'src' THEN vpc_id END AS "src_endpoint.vpc_uid",
  CASE WHEN owner_side(flow_direction, log_status) = 'dst' THEN interface_id END AS "dst_endpoint.interface_uid",
  CASE WHEN owner_side(flow_direction, log_status) = 'dst' THEN instance_id END AS "dst_endpoint.instance_uid",
  CASE WHEN owner_side(flow_direction, log_status) = 'dst' THEN subnet_id END AS "dst_endpoint.subnet_uid",
  CASE WHEN owner_side(flow_direction, log_status) = 'dst' THEN vpc_id END AS "dst_endpoint.vpc_uid",

  CASE flow_direction WHEN 'ingress' THEN 1 WHEN 'egress' THEN 2 ELSE CASE WHEN flow_direction IS NULL THEN 0 ELSE 99 END END AS "connection_info.direction_id",
  CASE WHEN flow_direction NOT IN ('ingress', 'egress') THEN flow_direction END AS "connection_info.direction",
  CASE WHEN traffic_path IN ('1', '2', '3', '4', '5', '6', '7', '8') THEN traffic_path::INTEGER + 3
    -- Parquet leaves out what does not apply; Security Lake writes Other for it
    WHEN traffic_path IS NOT NULL OR (flow_direction IS NOT NULL AND TRY_CAST(version AS INTEGER) >= 5) THEN 99 END AS "connection_info.boundary_id",
  CASE WHEN traffic_path NOT IN ('1', '2', '3', '4', '5', '6', '7', '8') THEN traffic_path END AS "connection_info.boundary",
  protocol AS "connection_info.protocol_num",
  "type" AS "connection_info.protocol_ver",
  tcp_flags AS "connection_info.tcp_flags",

  packets AS "traffic.packets",
  bytes   AS "traffic.bytes",

  'AWS' AS "cloud.provider",
  coalesce(region, key.region) AS "cloud.region",
  az_id AS "cloud.zone",
  CASE WHEN regexp_full_match(account_id, '\d{12}') THEN account_id ELSE key.account_id END AS "cloud.account.uid",

  nullif(list_filter([
    {'name': 'src_endpoint.ip', 'type_id': 2, 'value': coalesce(pkt_srcaddr, srcaddr)},
    {'name': 'src_endpoint.intermediate_ips[]', 'type_id': 2, 'value': CASE WHEN pkt_srcaddr <> srcaddr THEN srcaddr END},
    {'name': 'dst_endpoint.ip', 'type_id': 2, 'value': coalesce(pkt_dstaddr, dstaddr)},
    {'name': 'dst_endpoint.intermediate_ips[]', 'type_id': 2, 'value': CASE WHEN pkt_dstaddr <> dstaddr THEN dstaddr END},
    {'name': owner_side(flow_direction, log_status) || '_endpoint.instance_uid', 'type_id': 10, 'value': CASE WHEN starts_with(instance_id, 'i-') THEN instance_id END}
  ], lambda o: o."value" IS NOT NULL), []) AS observables,

  'Amazon VPC' AS "metadata.product.name",
  'AWS' AS "metadata.product.vendor_name",
  'Flowlogs' AS "metadata.product.feature.name",
  version AS "metadata.product.version",

  sublocation_type AS "unmapped.sublocation_type",
  sublocation_id AS "unmapped.sublocation_id",
  ecs_cluster_arn AS "unmapped.ecs_cluster_arn",
  ecs_cluster_name AS "unmapped.ecs_cluster_name",
  ecs_container_instance_arn AS "unmapped.ecs_container_instance_arn",
  ecs_container_instance_id AS "unmapped.ecs_container_instance_id",
  ecs_container_id AS "unmapped.ecs_container_id",
  ecs_second_container_id AS "unmapped.ecs_second_container_id",
  ecs_service_name AS "unmapped.ecs_service_name",
  ecs_task_definition_arn AS "unmapped.ecs_task_definition_arn",
  ecs_task_arn AS "unmapped.ecs_task_arn",
  ecs_task_id AS "unmapped.ecs_task_id",
  resource_id AS "unmapped.resource_id",
  encryption_status AS "unmapped.encryption_status"
FROM raw
WHERE coalesce(log_status, 'OK') IN ('OK', 'NODATA', 'SKIPDATA');
