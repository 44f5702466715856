-- format: json
-- records: records optional
-- records: value
-- null: ""
-- null: properties.authenticationProtocol = none
-- null: properties.deviceDetail.operatingSystem = Unknown
-- also: operationName operationname
-- also: operationVersion operationversion
-- also: resultType resulttype
-- also: resultDescription resultdescription
-- also: callerIpAddress calleripaddress
-- also: resourceId resourceid
-- also: tenantId tenantid
-- also: correlationId correlationid
-- also: properties.id id
-- also: properties.createdDateTime createdDateTime
-- also: properties.userId userId
-- also: properties.userPrincipalName userPrincipalName
-- also: properties.userDisplayName userDisplayName
-- also: properties.servicePrincipalId servicePrincipalId
-- also: properties.servicePrincipalName servicePrincipalName
-- also: properties.servicePrincipalCredentialKeyId servicePrincipalCredentialKeyId
-- also: properties.appId appId
-- also: properties.appDisplayName appDisplayName
-- also: properties.resourceDisplayName resourceDisplayName
-- also: properties.ipAddress ipAddress
-- also: properties.userAgent userAgent
-- also: properties.sessionId sessionId
-- also: properties.homeTenantId homeTenantId
-- also: properties.isInteractive isInteractive
-- also: properties.signInEventTypes signInEventTypes
-- also: properties.authenticationProtocol authenticationProtocol
-- also: properties.authenticationRequirement authenticationRequirement
-- also: properties.riskLevelDuringSignIn riskLevelDuringSignIn
-- also: properties.riskState riskState
-- also: properties.tokenIssuerName tokenIssuerName
-- also: properties.status.errorCode status.errorCode
-- also: properties.status.failureReason status.failureReason
-- also: properties.status.additionalDetails status.additionalDetails
-- also: properties.deviceDetail.deviceId deviceDetail.deviceId
-- also: properties.deviceDetail.displayName deviceDetail.displayName
-- also: properties.deviceDetail.operatingSystem deviceDetail.operatingSystem
-- also: properties.deviceDetail.isCompliant deviceDetail.isCompliant
-- also: properties.deviceDetail.isManaged deviceDetail.isManaged
-- also: properties.location.city location.city
-- also: properties.location.state location.state
-- also: properties.location.countryOrRegion location.countryOrRegion
-- also: properties.location.geoCoordinates.latitude location.geoCoordinates.latitude
-- also: properties.location.geoCoordinates.longitude location.geoCoordinates.longitude
-- also: properties.mfaDetail.authMethod mfaDetail.authMethod
-- also: properties.appliedConditionalAccessPolicies appliedConditionalAccessPolicies
--
-- Sign-in logs of Microsoft Entra ID, in the two forms in which they leave it: as Azure Monitor's diagnostic settings write them
-- (the sign-in is in properties; alone or in records), and as Microsoft Graph answers /auditLogs/signIns (alone or in value).
-- https://learn.microsoft.com/graph/api/resources/signin
-- https://learn.microsoft.com/entra/identity/monitoring-health/concept-sign-in-log-activity-details
-- https://learn.microsoft.com/entra/identity-platform/reference-error-codes
--
-- time is createdDateTime, when the sign-in was initiated. time of a diagnostic record, which is minutes later, is
-- metadata.logged_time, and the time only of a record without createdDateTime.
--
-- user is who signs in: the user, or the service principal (also that of a managed identity). service is the resource that
-- is signed in to, and actor.invoked_by the application that asks for the token. logon_type is Microsoft's word for the kind of
-- sign-in: interactiveUser, nonInteractiveUser, servicePrincipal, managedIdentity.
--
-- The status of errorCode 0 is Success. Codes with which Entra ID interrupts a sign-in that then continues are Other, with the text Interrupted:
-- 50058, 50072, 50074, 50125, 50140, 50168 and 50199. Every other code is Failure. status_code is the number of the AADSTS code.
--
-- is_mfa is only of successful sign-ins of users: true if several factors were required or MFA was satisfied or completed, and
-- false if one factor was required. OCSF 1.1.0 has no attributes for the risk of a sign-in. It is in unmapped, and makes severity Low,
-- Medium or High while the sign-in is at risk or confirmed compromised.
--
-- What Entra ID writes into the same container but is not a sign-in is dropped and counted.
--
-- Tried against public sign-ins of all four kinds; [public samples](../samples.md) has the projects and the counts.
CREATE TABLE raw (
  "time"            TIMESTAMP,
  category          VARCHAR, -- SignInLogs, NonInteractiveUserSignInLogs, ...; only in diagnostic records
  operationName     VARCHAR,
  operationVersion  VARCHAR,
  resultType        VARCHAR, -- the error code, as text
  resultDescription VARCHAR,
  callerIpAddress   VARCHAR,
  resourceId        VARCHAR, -- of a diagnostic record: the tenant; of Graph: the resource that is signed in to
  tenantId          VARCHAR,
  correlationId     VARCHAR,
  identity          VARCHAR,
  activityDisplayName VARCHAR, -- of Graph's directory audits
  properties STRUCT(
    id VARCHAR, createdDateTime TIMESTAMP,
    userId VARCHAR, userPrincipalName VARCHAR, userDisplayName VARCHAR,
    servicePrincipalId VARCHAR, servicePrincipalName VARCHAR, servicePrincipalCredentialKeyId VARCHAR,
    appId VARCHAR, appDisplayName VARCHAR, resourceDisplayName VARCHAR, resourceId VARCHAR,
    ipAddress VARCHAR, userAgent VARCHAR, correlationId VARCHAR, sessionId VARCHAR, homeTenantId VARCHAR,
    isInteractive BOOLEAN, signInEventTypes VARCHAR[],
    authenticationProtocol VARCHAR, authenticationRequirement VARCHAR,
    riskLevelDuringSignIn VARCHAR, riskState VARCHAR, tokenIssuerName VARCHAR,
    status STRUCT(errorCode INTEGER, failureReason VARCHAR, additionalDetails VARCHAR),
    deviceDetail STRUCT(deviceId VARCHAR, displayName VARCHAR, operatingSystem VARCHAR, isCompliant BOOLEAN, isManaged BOOLEAN),
    location STRUCT(city VARCHAR, state VARCHAR, countryOrRegion VARCHAR, geoCoordinates STRUCT(latitude DOUBLE, longitude DOUBLE)),
    mfaDetail STRUCT(authMethod VARCHAR),
    appliedConditionalAccessPolicies STRUCT(id VARCHAR, displayName VARCHAR, "result" VARCHAR)[])
);
