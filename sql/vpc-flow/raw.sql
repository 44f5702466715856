-- format: csv
-- delimiter: space
-- null: srcaddr = -
-- null: dstaddr = -
-- null: pkt_srcaddr = -
-- null: pkt_dstaddr = -
-- null: srcport = -
-- null: dstport = -
-- null: protocol = -
-- null: packets = -
-- null: bytes = -
-- null: tcp_flags = -
-- null: reject_reason = -
-- null: resource_id = -
-- null: encryption_status = -
-- null: ecs_cluster_arn = -
-- null: ecs_cluster_name = -
-- null: ecs_container_instance_arn = -
-- null: ecs_container_instance_id = -
-- null: ecs_container_id = -
-- null: ecs_second_container_id = -
-- null: ecs_service_name = -
-- null: ecs_task_definition_arn = -
-- null: ecs_task_arn = -
-- null: ecs_task_id = -
-- timestamp: start epoch_s
-- timestamp: end epoch_s
-- also: account_id account-id
-- also: interface_id interface-id
-- also: log_status log-status
-- also: vpc_id vpc-id
-- also: subnet_id subnet-id
-- also: instance_id instance-id
-- also: tcp_flags tcp-flags
-- also: pkt_srcaddr pkt-srcaddr
-- also: pkt_dstaddr pkt-dstaddr
-- also: az_id az-id
-- also: sublocation_type sublocation-type
-- also: sublocation_id sublocation-id
-- also: pkt_src_aws_service pkt-src-aws-service
-- also: pkt_dst_aws_service pkt-dst-aws-service
-- also: flow_direction flow-direction
-- also: traffic_path traffic-path
-- also: ecs_cluster_arn ecs-cluster-arn
-- also: ecs_cluster_name ecs-cluster-name
-- also: ecs_container_instance_arn ecs-container-instance-arn
-- also: ecs_container_instance_id ecs-container-instance-id
-- also: ecs_container_id ecs-container-id
-- also: ecs_second_container_id ecs-second-container-id
-- also: ecs_service_name ecs-service-name
-- also: ecs_task_definition_arn ecs-task-definition-arn
-- also: ecs_task_arn ecs-task-arn
-- also: ecs_task_id ecs-task-id
-- also: reject_reason reject-reason
-- also: resource_id resource-id
-- also: encryption_status encryption-status
--
-- VPC flow logs, as text with blanks between the fields or as Parquet. Text has a line of names, which says where the
-- fields are, so one mapping reads the default format and every custom format. A text without this line is in the
-- default format of version 2. Text writes names with hyphens, and Parquet with underscores; raw.sql and unmapped have
-- underscores.
--
-- A dash means that a field does not apply to the flow.
--
-- https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html
CREATE TABLE raw (
  -- the default format, in its order
  version          VARCHAR, -- the highest version of the format's fields
  account_id       VARCHAR, -- 12 digits; unknown for an interface that an AWS service owns
  interface_id     VARCHAR,
  srcaddr          VARCHAR,
  dstaddr          VARCHAR,
  srcport          INTEGER,
  dstport          INTEGER,
  protocol         INTEGER, -- the IANA number
  packets          BIGINT,
  bytes            BIGINT,
  "start"          TIMESTAMP,
  "end"            TIMESTAMP,
  "action"         VARCHAR, -- ACCEPT, REJECT
  log_status       VARCHAR, -- OK, NODATA, SKIPDATA
  -- version 3
  vpc_id           VARCHAR,
  subnet_id        VARCHAR,
  instance_id      VARCHAR,
  tcp_flags        INTEGER, -- of all packets of the interval, joined by OR
  "type"           VARCHAR, -- IPv4, IPv6, EFA
  pkt_srcaddr      VARCHAR, -- the packet's addresses; srcaddr and dstaddr are those of the hop
  pkt_dstaddr      VARCHAR,
  -- version 4
  region           VARCHAR,
  az_id            VARCHAR,
  sublocation_type VARCHAR, -- wavelength, outpost, localzone
  sublocation_id   VARCHAR,
  -- version 5
  pkt_src_aws_service VARCHAR, -- S3, DYNAMODB, EC2, AMAZON and others
  pkt_dst_aws_service VARCHAR,
  flow_direction   VARCHAR, -- ingress, egress
  traffic_path     VARCHAR, -- 1 to 8, of egress
  -- version 7
  ecs_cluster_arn            VARCHAR,
  ecs_cluster_name           VARCHAR,
  ecs_container_instance_arn VARCHAR,
  ecs_container_instance_id  VARCHAR,
  ecs_container_id           VARCHAR,
  ecs_second_container_id    VARCHAR,
  ecs_service_name           VARCHAR,
  ecs_task_definition_arn    VARCHAR,
  ecs_task_arn               VARCHAR,
  ecs_task_id                VARCHAR,
  -- version 8 and later
  reject_reason     VARCHAR, -- BPA, EC
  resource_id       VARCHAR,
  encryption_status VARCHAR,
  -- captures of the job's key_pattern; not a part of the record
  "key" STRUCT(account_id VARCHAR, region VARCHAR)
);
