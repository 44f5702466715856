-- Findings of one kind of activity: an API call, a network connection, a DNS request, a call to Kubernetes, a login to
-- a database, or no action (runtime, malware). The evidence is the action. The resources are those that GuardDuty
-- names. GuardDuty gives these findings no tactics and techniques: only attack sequences have finding_info.attacks.
-- class: detection_finding
-- consumes: "partition" = resources[1].cloud_partition
-- consumes: resource.instanceDetails.instanceId = resource_of(resources, 'Instance').uid
-- consumes: resource.containerDetails.id = resource_of(resources, 'Container').uid
-- consumes: resource.containerDetails.name = resource_of(resources, 'Container').name
-- consumes: resource.eksClusterDetails.arn = resource_of(resources, 'EKSCluster').uid
-- consumes: resource.eksClusterDetails.name = resource_of(resources, 'EKSCluster').name
-- consumes: resource.ecsClusterDetails.arn = resource_of(resources, 'ECSCluster').uid
-- consumes: resource.ecsClusterDetails.name = resource_of(resources, 'ECSCluster').name
-- consumes: resource.rdsDbInstanceDetails.dbInstanceArn = resource_of(resources, 'RDSDBInstance').uid
-- consumes: resource.rdsDbInstanceDetails.dbInstanceIdentifier = resource_of(resources, 'RDSDBInstance').name
-- consumes: resource.rdsDbInstanceDetails.engineVersion = resource_of(resources, 'RDSDBInstance').version
-- consumes: resource.rdsLimitlessDbDetails.dbShardGroupArn = resource_of(resources, 'RDSLimitlessDB').uid
-- consumes: resource.rdsLimitlessDbDetails.dbShardGroupIdentifier = resource_of(resources, 'RDSLimitlessDB').name
-- consumes: resource.rdsLimitlessDbDetails.engineVersion = resource_of(resources, 'RDSLimitlessDB').version
-- consumes: resource.ebsSnapshotDetails.snapshotArn = resource_of(resources, 'EBSSnapshot').uid
-- consumes: resource.ec2ImageDetails.imageArn = resource_of(resources, 'EC2Image').uid
-- consumes: resource.recoveryPointDetails.recoveryPointArn = resource_of(resources, 'RecoveryPoint').uid
-- consumes: resource.recoveryPointDetails.backupVaultName = resource_of(resources, 'RecoveryPoint').name
-- consumes: resource.lambdaDetails.functionArn = resource_of(resources, 'Lambda').uid
-- consumes: resource.lambdaDetails.functionName = resource_of(resources, 'Lambda').name
-- consumes: resource.lambdaDetails.functionVersion = resource_of(resources, 'Lambda').version
-- consumes: resource.kubernetesDetails.kubernetesWorkloadDetails.uid = resource_of(resources, 'KubernetesWorkload').uid
-- consumes: resource.kubernetesDetails.kubernetesWorkloadDetails.name = resource_of(resources, 'KubernetesWorkload').name
-- consumes: resource.kubernetesDetails.kubernetesWorkloadDetails.namespace = resource_of(resources, 'KubernetesWorkload').namespace
-- consumes: service."action".networkConnectionAction.connectionDirection = CASE evidences[1].connection_info.direction_id WHEN 0 THEN 'UNKNOWN' WHEN 1 THEN 'INBOUND' WHEN 2 THEN 'OUTBOUND' END
-- consumes: service."action".networkConnectionAction.protocol = upper(evidences[1].connection_info.protocol_name)
-- consumes: service."action".networkConnectionAction.localIpDetails.ipAddressV4 = local_endpoint(evidences[1]).ip
-- consumes: service."action".networkConnectionAction.remoteIpDetails.ipAddressV4 = remote_endpoint(evidences[1]).ip
-- consumes: service."action".networkConnectionAction.localPortDetails.port = local_endpoint(evidences[1]).port
-- consumes: service."action".networkConnectionAction.remotePortDetails.port = remote_endpoint(evidences[1]).port
-- consumes: service."action".awsApiCallAction.remoteIpDetails.ipAddressV4 = evidences[1].src_endpoint.ip
-- consumes: service."action".kubernetesApiCallAction.remoteIpDetails.ipAddressV4 = evidences[1].src_endpoint.ip
-- consumes: service."action".rdsLoginAttemptAction.remoteIpDetails.ipAddressV4 = evidences[1].src_endpoint.ip
-- consumes: service."action".awsApiCallAction.remoteIpDetails.geoLocation.lat = evidences[1].src_endpoint.location.coordinates[2]
-- consumes: service."action".awsApiCallAction.remoteIpDetails.geoLocation.lon = evidences[1].src_endpoint.location.coordinates[1]
SELECT
  [
    {
      'api': {'operation': service."action".awsApiCallAction.api, 'service': {'name': service."action".awsApiCallAction.serviceName},
        'response': {'error': service."action".awsApiCallAction.errorCode}},
      'actor': {'user': {'name': resource.accessKeyDetails.userName, 'uid': resource.accessKeyDetails.principalId,
        'type': resource.accessKeyDetails.userType, 'type_id': user_type_id(resource.accessKeyDetails.userType),
        'credential_uid': resource.accessKeyDetails.accessKeyId}},
      'src_endpoint': {
        'hostname': service."action".awsApiCallAction.domainDetails.domain,
        'ip': address(service."action".awsApiCallAction.remoteIpDetails.ipAddressV4, service."action".awsApiCallAction.remoteIpDetails.ipAddressV6),
        'location': {
          'city': service."action".awsApiCallAction.remoteIpDetails.city.cityName,
          'country': service."action".awsApiCallAction.remoteIpDetails.country.countryCode,
          'isp': service."action".awsApiCallAction.remoteIpDetails.organization.isp,
          'coordinates': CASE WHEN service."action".awsApiCallAction.remoteIpDetails.geoLocation.lon IS NOT NULL THEN
            [service."action".awsApiCallAction.remoteIpDetails.geoLocation.lon, service."action".awsApiCallAction.remoteIpDetails.geoLocation.lat] END}}
    },
    {
      -- of an inbound connection the remote address is the source, of an outbound one the local address
      'src_endpoint': {
        'ip': CASE upper(service."action".networkConnectionAction.connectionDirection) WHEN 'OUTBOUND' THEN address(service."action".networkConnectionAction.localIpDetails.ipAddressV4, service."action".networkConnectionAction.localIpDetails.ipAddressV6) ELSE address(service."action".networkConnectionAction.remoteIpDetails.ipAddressV4, service."action".networkConnectionAction.remoteIpDetails.ipAddressV6) END,
        'port': CASE upper(service."action".networkConnectionAction.connectionDirection) WHEN 'OUTBOUND' THEN service."action".networkConnectionAction.localPortDetails.port ELSE service."action".networkConnectionAction.remotePortDetails.port END},
      'dst_endpoint': {
        'ip': CASE upper(service."action".networkConnectionAction.connectionDirection) WHEN 'OUTBOUND' THEN address(service."action".networkConnectionAction.remoteIpDetails.ipAddressV4, service."action".networkConnectionAction.remoteIpDetails.ipAddressV6) ELSE address(service."action".networkConnectionAction.localIpDetails.ipAddressV4, service."action".networkConnectionAction.localIpDetails.ipAddressV6) END,
        'port': CASE upper(service."action".networkConnectionAction.connectionDirection) WHEN 'OUTBOUND' THEN service."action".networkConnectionAction.remotePortDetails.port ELSE service."action".networkConnectionAction.localPortDetails.port END},
      'connection_info': {
        'direction_id': CASE upper(service."action".networkConnectionAction.connectionDirection) WHEN 'INBOUND' THEN 1 WHEN 'OUTBOUND' THEN 2 WHEN 'UNKNOWN' THEN 0 END,
        'protocol_name': lower(service."action".networkConnectionAction.protocol),
        'protocol_num': iana_protocol(service."action".networkConnectionAction.protocol)}
    },
    {'query': {'hostname': service."action".dnsRequestAction.domain}},
    {
      'api': {'operation': service."action".kubernetesApiCallAction.verb, 'response': {'code': service."action".kubernetesApiCallAction.statusCode}},
      'actor': {'user': {'name': resource.kubernetesDetails.kubernetesUserDetails.username, 'uid': resource.kubernetesDetails.kubernetesUserDetails.uid}},
      'src_endpoint': {'ip': address(service."action".kubernetesApiCallAction.remoteIpDetails.ipAddressV4, service."action".kubernetesApiCallAction.remoteIpDetails.ipAddressV6)}
    },
    {
      'actor': {'user': {'name': resource.rdsDbUserDetails."user"}},
      'src_endpoint': {'ip': address(service."action".rdsLoginAttemptAction.remoteIpDetails.ipAddressV4, service."action".rdsLoginAttemptAction.remoteIpDetails.ipAddressV6)}
    },
    {
      'process': {
        'name': service.runtimeDetails.process.name, 'pid': service.runtimeDetails.process.pid, 'uid': service.runtimeDetails.process.uuid,
        'created_time': service.runtimeDetails.process.startTime, 'user': {'name': service.runtimeDetails.process."user"},
        'file': {'name': basename(service.runtimeDetails.process.executablePath), 'path': service.runtimeDetails.process.executablePath, 'type_id': 1,
          'hashes': [{'algorithm_id': 3, 'value': service.runtimeDetails.process.executableSha256}]}}
    }
  ] AS evidences,

  resources_of(resource, region, "partition") AS resources
FROM raw
WHERE NOT starts_with("type", 'AttackSequence:') AND coalesce(service."action".actionType, '') != 'PORT_PROBE' AND NOT is_malware(service);
