-- Findings of threats: of GuardDuty, Macie, Detective and all other products.
-- class: detection_finding
SELECT
  ['cloud', 'datetime', 'linux'] AS "metadata.profiles",
  [{'name': 'linux', 'uid': '1', 'version': '1.1.0'}] AS "metadata.extensions",
  [{
    'api': {
      'operation': coalesce("ProductFields"."aws/guardduty/service/action/awsApiCallAction/api", "ProductFields"."aws/guardduty/service/action/kubernetesApiCallAction/verb"),
      'service': {'name': "ProductFields"."aws/guardduty/service/action/awsApiCallAction/serviceName"},
      'response': {'error': "ProductFields"."aws/guardduty/service/action/awsApiCallAction/errorCode"}},
    'data': CAST("ProductFields"."aws/guardduty/service/additionalInfo/value" AS JSON),
    'src_endpoint': {
      'ip': coalesce("ProductFields"."aws/guardduty/service/action/awsApiCallAction/remoteIpDetails/ipAddressV4", "ProductFields"."aws/guardduty/service/action/kubernetesApiCallAction/remoteIpDetails/ipAddressV4"),
      'location': {
        'country': coalesce("ProductFields"."aws/guardduty/service/action/awsApiCallAction/remoteIpDetails/country/countryName", "ProductFields"."aws/guardduty/service/action/kubernetesApiCallAction/remoteIpDetails/country/countryName"),
        'city': coalesce("ProductFields"."aws/guardduty/service/action/awsApiCallAction/remoteIpDetails/city/cityName", "ProductFields"."aws/guardduty/service/action/kubernetesApiCallAction/remoteIpDetails/city/cityName"),
        'coordinates': [
          "ProductFields"."aws/guardduty/service/action/awsApiCallAction/remoteIpDetails/geoLocation/lon",
          "ProductFields"."aws/guardduty/service/action/awsApiCallAction/remoteIpDetails/geoLocation/lat"]}},
    'query': {'hostname': "ProductFields"."aws/guardduty/service/action/dnsRequestAction/domainWithSuffix"},
    'actor': {'process': {
      'name': "ProductFields"."aws/guardduty/service/runtimeDetails/process/name",
      'pid': "ProductFields"."aws/guardduty/service/runtimeDetails/process/pid",
      'uid': "ProductFields"."aws/guardduty/service/runtimeDetails/process/uuid",
      'created_time_dt': "ProductFields"."aws/guardduty/service/runtimeDetails/process/startTime",
      'parent_process': {'uid': "ProductFields"."aws/guardduty/service/runtimeDetails/process/parentUuid"},
      'user': {'name': "ProductFields"."aws/guardduty/service/runtimeDetails/process/user", 'uid': "ProductFields"."aws/guardduty/service/runtimeDetails/process/userId"},
      'file': {
        'name': basename("ProductFields"."aws/guardduty/service/runtimeDetails/process/executablePath"),
        'path': "ProductFields"."aws/guardduty/service/runtimeDetails/process/executablePath",
        'type_id': CASE WHEN "ProductFields"."aws/guardduty/service/runtimeDetails/process/executablePath" IS NOT NULL THEN 1 END,
        'hashes': [{'algorithm_id': 3, 'value': "ProductFields"."aws/guardduty/service/runtimeDetails/process/executableSha256"}]}}}
  }] AS evidences,
  list_transform("Resources", lambda r: resource_of(r, "Criticality", "ProductFields"."ResourceOwnerAccount")) AS resources,
  seen(list_concat(
    [observed('evidences[].src_endpoint.ip', 2, coalesce("ProductFields"."aws/guardduty/service/action/awsApiCallAction/remoteIpDetails/ipAddressV4", "ProductFields"."aws/guardduty/service/action/kubernetesApiCallAction/remoteIpDetails/ipAddressV4")),
      observed('evidences[].query.hostname', 1, "ProductFields"."aws/guardduty/service/action/dnsRequestAction/domainWithSuffix"),
      observed('evidences[].actor.process.name', 9, "ProductFields"."aws/guardduty/service/runtimeDetails/process/name"),
      observed('evidences[].actor.process.user.name', 4, "ProductFields"."aws/guardduty/service/runtimeDetails/process/user")],
    list_transform("Resources", lambda r: observed('resources[].uid', 10, r."Id")))) AS observables
FROM raw
WHERE class_uid IS NULL AND finding_class("ProductArn", "Vulnerabilities", "Compliance") = 'detection';
