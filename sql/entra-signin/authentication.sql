-- Sign-ins of users, service principals and managed identities.
-- class: authentication
-- ocsf: 1.1.0
-- profiles: host
-- without: user
-- drop: category IN ('AuditLogs', 'ProvisioningLogs', 'RiskyUsers', 'UserRiskEvents', 'RiskyServicePrincipals', 'ServicePrincipalRiskEvents', 'MicrosoftGraphActivityLogs', 'NetworkAccessTrafficLogs', 'NetworkAccessAlerts', 'NetworkAccessConnectionEvents', 'RemoteNetworkHealthLogs', 'EnrichedOffice365AuditLogs', 'B2CRequestLogs', 'AzureADGraphActivityLogs')
-- drop: activityDisplayName IS NOT NULL
-- consumes: resultType = status_code
-- consumes: resultDescription = status_detail
-- consumes: callerIpAddress = src_endpoint.ip
-- consumes: resourceId = CASE WHEN metadata.log_name IS NULL THEN service.uid ELSE '/tenants/' || metadata.tenant_uid || '/providers/Microsoft.aadiam' END
-- consumes: tenantId = metadata.tenant_uid
-- consumes: correlationId = metadata.correlation_uid
-- consumes: identity = coalesce(user.full_name, user.name)
-- consumes: properties.correlationId = metadata.correlation_uid
-- consumes: properties.userDisplayName = user.full_name
-- consumes: properties.userId = user.uid
-- consumes: properties.userPrincipalName = user.name
-- consumes: properties.servicePrincipalId = user.uid
-- consumes: properties.servicePrincipalName = user.name
-- consumes: properties.resourceId = service.uid
-- consumes: properties.resourceDisplayName = CASE WHEN service.uid IS NOT NULL THEN service.name END
-- consumes: properties.ipAddress = src_endpoint.ip
-- consumes: properties.status.errorCode = TRY_CAST(status_code AS INTEGER)
-- consumes: properties.status.failureReason = status_detail
-- consumes: properties.status.additionalDetails = status_detail
-- consumes: properties.deviceDetail.operatingSystem = src_endpoint.os.name
-- consumes: properties.authenticationProtocol = CASE auth_protocol_id WHEN 6 THEN 'oAuth2' WHEN 5 THEN 'saml20' WHEN 99 THEN auth_protocol END
-- consumes: properties.isInteractive = CASE logon_type WHEN 'interactiveUser' THEN TRUE WHEN 'nonInteractiveUser' THEN FALSE END
-- consumes: properties.signInEventTypes = [logon_type]
-- consumes: properties.location.geoCoordinates.latitude = src_endpoint.location.coordinates[2]
-- consumes: properties.location.geoCoordinates.longitude = src_endpoint.location.coordinates[1]
SELECT
  coalesce(properties.createdDateTime, "time") AS "time",
  1 AS activity_id, -- Logon
  CASE WHEN properties.riskState IN ('atRisk', 'confirmedCompromised')
    THEN CASE properties.riskLevelDuringSignIn WHEN 'low' THEN 2 WHEN 'medium' THEN 3 WHEN 'high' THEN 4 ELSE 1 END ELSE 1 END AS severity_id,
  CAST(entra_code(properties.status.errorCode, resultType) AS VARCHAR) AS status_code,
  entra_status(entra_code(properties.status.errorCode, resultType), resultType) AS status_id,
  CASE WHEN status_id = 99 THEN 'Interrupted' END AS status,
  CASE WHEN status_id = 1 THEN coalesce(properties.status.additionalDetails, properties.status.failureReason)
    ELSE coalesce(properties.status.failureReason, resultDescription, properties.status.additionalDetails) END AS status_detail,
  operationName AS message,

  99 AS logon_type_id, -- Other: Microsoft's own kinds
  entra_kind(category, properties.signInEventTypes, properties.isInteractive, properties.userId, properties.servicePrincipalId) AS logon_type,
  CASE WHEN properties.authenticationProtocol IN ('oAuth2', 'ropc', 'deviceCode') THEN 6 WHEN properties.authenticationProtocol = 'saml20' THEN 5
    WHEN properties.authenticationProtocol IS NOT NULL THEN 99 END AS auth_protocol_id,
  CASE WHEN properties.authenticationProtocol NOT IN ('oAuth2', 'ropc', 'deviceCode', 'saml20') THEN properties.authenticationProtocol END AS auth_protocol,
  CASE WHEN NOT entra_is_app(logon_type)
    THEN entra_mfa(status_id, properties.authenticationRequirement, properties.status.additionalDetails, properties.mfaDetail.authMethod) END AS is_mfa,

  CASE WHEN entra_is_app(logon_type) THEN properties.servicePrincipalId ELSE properties.userId END AS "user.uid",
  CASE WHEN entra_is_app(logon_type) THEN properties.servicePrincipalName ELSE properties.userPrincipalName END AS "user.name",
  coalesce(properties.userDisplayName, CASE WHEN NOT entra_is_app(logon_type) THEN identity END) AS "user.full_name",
  CASE WHEN entra_is_app(logon_type) THEN 3 WHEN coalesce(properties.userId, properties.userPrincipalName) IS NOT NULL THEN 1 END AS "user.type_id", -- System, User
  properties.servicePrincipalCredentialKeyId AS "user.credential_uid",
  properties.homeTenantId AS "user.org.uid",

  coalesce(properties.resourceId, CASE WHEN category IS NULL THEN resourceId END) AS "service.uid",
  coalesce(properties.resourceDisplayName, CASE WHEN "service.uid" IS NULL THEN 'Microsoft Entra ID' END) AS "service.name",
  properties.appDisplayName AS "actor.invoked_by",
  properties.tokenIssuerName AS "actor.idp.name",
  list_transform(list_filter(properties.appliedConditionalAccessPolicies, lambda p: p."result" NOT IN ('notApplied', 'notEnabled')), lambda p: {'decision': p."result", 'policy': {'uid': p.id, 'name': p.displayName}}) AS "actor.authorizations",
  properties.sessionId AS "session.uid",

  coalesce(properties.ipAddress, callerIpAddress) AS "src_endpoint.ip",
  CASE WHEN "src_endpoint.ip" IS NOT NULL THEN properties.deviceDetail.operatingSystem END AS "src_endpoint.os.name",
  CASE WHEN "src_endpoint.ip" IS NOT NULL THEN entra_os(properties.deviceDetail.operatingSystem) END AS "src_endpoint.os.type_id",
  properties.location.city AS "src_endpoint.location.city",
  properties.location.state AS "src_endpoint.location.region",
  properties.location.countryOrRegion AS "src_endpoint.location.country",
  CASE WHEN properties.location.geoCoordinates.latitude <> 0 OR properties.location.geoCoordinates.longitude <> 0
    THEN [properties.location.geoCoordinates.longitude, properties.location.geoCoordinates.latitude] END AS "src_endpoint.location.coordinates",
  properties.userAgent AS "http_request.user_agent",

  properties.deviceDetail.deviceId AS "device.uid",
  properties.deviceDetail.displayName AS "device.name",
  properties.deviceDetail.isCompliant AS "device.is_compliant",
  properties.deviceDetail.isManaged AS "device.is_managed",
  CASE WHEN coalesce(properties.deviceDetail.deviceId, properties.deviceDetail.displayName) IS NOT NULL THEN 0 END AS "device.type_id",

  properties.id AS "metadata.uid",
  coalesce(properties.correlationId, correlationId) AS "metadata.correlation_uid",
  category AS "metadata.log_name",
  operationVersion AS "metadata.log_version",
  CASE WHEN category IS NOT NULL THEN "time" END AS "metadata.logged_time",
  coalesce(tenantId, nullif(regexp_extract(resourceId, '^/tenants/([^/]+)/', 1), '')) AS "metadata.tenant_uid",
  'Microsoft Entra ID' AS "metadata.product.name",
  'Microsoft' AS "metadata.product.vendor_name"
FROM raw
WHERE category IN ('SignInLogs', 'NonInteractiveUserSignInLogs', 'ServicePrincipalSignInLogs', 'ManagedIdentitySignInLogs', 'ADFSSignInLogs', 'MicrosoftServicePrincipalSignInLogs')
  OR (category IS NULL AND properties.createdDateTime IS NOT NULL AND properties.appId IS NOT NULL);
