-- Port probes: a piece of evidence for each port that was probed.
-- class: detection_finding
-- consumes: "partition" = resources[1].cloud_partition
-- consumes: resource.instanceDetails.instanceId = resource_of(resources, 'Instance').uid
SELECT
  list_transform(service."action".portProbeAction.portProbeDetails, lambda d: {
    'src_endpoint': {'ip': address(d.remoteIpDetails.ipAddressV4, d.remoteIpDetails.ipAddressV6)},
    'dst_endpoint': {'ip': address(d.localIpDetails.ipAddressV4, d.localIpDetails.ipAddressV6), 'port': d.localPortDetails.port},
    'connection_info': {'direction_id': 1} -- Inbound
  }) AS evidences,

  resources_of(resource, region, "partition") AS resources
FROM raw
WHERE NOT starts_with("type", 'AttackSequence:') AND service."action".actionType = 'PORT_PROBE';
