-- lookup: attack by equal id
-- null: ""
--
-- Amazon GuardDuty findings as GuardDuty exports them to S3: gzip, JSON lines, one finding a line. A finding is
-- exported again whenever GuardDuty updates it. Attack sequence findings have their signals in
-- service.detection.sequence.
-- https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_exportfindings.html
-- https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_findings-summary.html
-- https://docs.aws.amazon.com/guardduty/latest/APIReference/API_Finding.html, API_Sequence.html, API_Signal.html,
-- API_Indicator.html
--
-- Tried against public findings of EC2, IAM, S3, EKS, ECS and RDS; [public samples](../samples.md) has the projects and the counts. All
-- paths below are compared with the service model of GuardDuty's API (botocore 1.43). The tests of the mapping have findings in the
-- form of the API for IPv6, malware in volumes, containers, objects, snapshots, images and recovery points, Lambda, Runtime
-- Monitoring and attack sequences; schemaVersion 2.0. Findings of a new kind are published with what all findings have.
--
-- Fields that are not declared here go to unmapped under their own dotted names.
CREATE TABLE raw (
  accountId     VARCHAR,
  region        VARCHAR,
  "partition"   VARCHAR,
  id            VARCHAR,
  arn           VARCHAR,
  "type"        VARCHAR,
  severity      DOUBLE,
  confidence    DOUBLE,
  createdAt     TIMESTAMP,
  updatedAt     TIMESTAMP,
  title         VARCHAR,
  description   VARCHAR,
  resource STRUCT(
    resourceType VARCHAR,
    accessKeyDetails STRUCT(accessKeyId VARCHAR, principalId VARCHAR, userName VARCHAR, userType VARCHAR),
    instanceDetails STRUCT(instanceId VARCHAR),
    s3BucketDetails STRUCT(arn VARCHAR, name VARCHAR,
      s3ObjectDetails STRUCT(objectArn VARCHAR, "key" VARCHAR, hash VARCHAR)[])[],
    eksClusterDetails STRUCT(arn VARCHAR, name VARCHAR),
    ecsClusterDetails STRUCT(arn VARCHAR, name VARCHAR),
    containerDetails STRUCT(id VARCHAR, name VARCHAR),
    kubernetesDetails STRUCT(
      kubernetesUserDetails STRUCT(username VARCHAR, uid VARCHAR),
      kubernetesWorkloadDetails STRUCT(uid VARCHAR, name VARCHAR, namespace VARCHAR)),
    rdsDbInstanceDetails STRUCT(dbInstanceArn VARCHAR, dbInstanceIdentifier VARCHAR, engineVersion VARCHAR),
    rdsDbUserDetails STRUCT("user" VARCHAR),
    rdsLimitlessDbDetails STRUCT(dbShardGroupArn VARCHAR, dbShardGroupIdentifier VARCHAR, engineVersion VARCHAR),
    ebsSnapshotDetails STRUCT(snapshotArn VARCHAR),
    ec2ImageDetails STRUCT(imageArn VARCHAR),
    recoveryPointDetails STRUCT(recoveryPointArn VARCHAR, backupVaultName VARCHAR),
    lambdaDetails STRUCT(functionArn VARCHAR, functionName VARCHAR, functionVersion VARCHAR)),
  service STRUCT(
    detectorId VARCHAR,
    featureName VARCHAR,
    archived BOOLEAN,
    "count" INTEGER,
    eventFirstSeen TIMESTAMP,
    eventLastSeen TIMESTAMP,
    "action" STRUCT(
      actionType VARCHAR,
      awsApiCallAction STRUCT(api VARCHAR, serviceName VARCHAR, errorCode VARCHAR,
        domainDetails STRUCT(domain VARCHAR), -- a caller without an address: a service of AWS
        remoteIpDetails STRUCT(ipAddressV4 VARCHAR, ipAddressV6 VARCHAR, city STRUCT(cityName VARCHAR), country STRUCT(countryCode VARCHAR),
          geoLocation STRUCT(lat DOUBLE, lon DOUBLE), organization STRUCT(isp VARCHAR))),
      networkConnectionAction STRUCT(connectionDirection VARCHAR, protocol VARCHAR, localPortDetails STRUCT(port INTEGER),
        remotePortDetails STRUCT(port INTEGER), localIpDetails STRUCT(ipAddressV4 VARCHAR, ipAddressV6 VARCHAR), remoteIpDetails STRUCT(ipAddressV4 VARCHAR, ipAddressV6 VARCHAR)),
      portProbeAction STRUCT(portProbeDetails STRUCT(
        localPortDetails STRUCT(port INTEGER, portName VARCHAR), localIpDetails STRUCT(ipAddressV4 VARCHAR, ipAddressV6 VARCHAR),
        remoteIpDetails STRUCT(ipAddressV4 VARCHAR, ipAddressV6 VARCHAR))[]),
      dnsRequestAction STRUCT(domain VARCHAR),
      kubernetesApiCallAction STRUCT(verb VARCHAR, statusCode INTEGER,
        remoteIpDetails STRUCT(ipAddressV4 VARCHAR, ipAddressV6 VARCHAR)),
      rdsLoginAttemptAction STRUCT(remoteIpDetails STRUCT(ipAddressV4 VARCHAR, ipAddressV6 VARCHAR))),
    runtimeDetails STRUCT(process STRUCT(name VARCHAR, executablePath VARCHAR, executableSha256 VARCHAR, pid INTEGER, uuid VARCHAR, startTime TIMESTAMP, "user" VARCHAR)),
    -- malware: in volumes of instances and containers, and in objects, snapshots and images
    ebsVolumeScanDetails STRUCT(scanDetections STRUCT(threatDetectedByName STRUCT(
      threatNames STRUCT(filePaths STRUCT(filePath VARCHAR, fileName VARCHAR, hash VARCHAR)[])[]))),
    malwareScanDetails STRUCT(threats STRUCT(
      itemPaths STRUCT(nestedItemPath VARCHAR, hash VARCHAR)[],
      itemDetails STRUCT(resourceArn VARCHAR, itemPath VARCHAR, hash VARCHAR)[])[]),
    detection STRUCT(sequence STRUCT(
      uid VARCHAR,
      description VARCHAR,
      actors STRUCT(id VARCHAR, "user" STRUCT(name VARCHAR, uid VARCHAR, "type" VARCHAR, credentialUid VARCHAR, account STRUCT(uid VARCHAR, name VARCHAR)),
        session STRUCT(uid VARCHAR, mfaStatus VARCHAR, issuer VARCHAR), process STRUCT(name VARCHAR, path VARCHAR, sha256 VARCHAR))[],
      resources STRUCT(uid VARCHAR, name VARCHAR, resourceType VARCHAR, region VARCHAR, cloudPartition VARCHAR)[],
      endpoints STRUCT(id VARCHAR, ip VARCHAR, domain VARCHAR, port INTEGER, location STRUCT(city VARCHAR, country VARCHAR, lat DOUBLE, lon DOUBLE),
        "connection" STRUCT(direction VARCHAR))[],
      -- the values of an indicator are texts, or objects (networks and what is known of them)
      signals STRUCT(uid VARCHAR, "type" VARCHAR, name VARCHAR, actorIds VARCHAR[], endpointIds VARCHAR[],
        signalIndicators STRUCT("key" VARCHAR, "values" JSON)[])[],
      sequenceIndicators STRUCT("key" VARCHAR, "values" JSON)[]))),
  -- captures of the job's key_pattern; not a part of the record
  "key" STRUCT(account_id VARCHAR, region VARCHAR)
);
