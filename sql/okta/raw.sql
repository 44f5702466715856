-- format: json
-- null: actor.id = unknown, ""
-- null: actor.alternateId = unknown, ""
-- null: actor.displayName = unknown, ""
-- null: client.zone = null
-- null: authenticationContext.externalSessionId = unknown, ""
-- null: securityContext.domain = ., ""
-- null: client.device = Unknown
-- null: client.userAgent.os = Unknown
-- null: client.userAgent.browser = UNKNOWN
-- also: uuid detail.uuid
-- also: published detail.published
-- also: eventType detail.eventType
-- also: version detail.version
-- also: severity detail.severity
-- also: legacyEventType detail.legacyEventType
-- also: displayMessage detail.displayMessage
-- also: actor.id detail.actor.id
-- also: actor.type detail.actor.type
-- also: actor.alternateId detail.actor.alternateId
-- also: actor.displayName detail.actor.displayName
-- also: client.ipAddress detail.client.ipAddress
-- also: client.id detail.client.id
-- also: client.zone detail.client.zone
-- also: client.device detail.client.device
-- also: client.userAgent.rawUserAgent detail.client.userAgent.rawUserAgent
-- also: client.userAgent.os detail.client.userAgent.os
-- also: client.userAgent.browser detail.client.userAgent.browser
-- also: client.geographicalContext.city detail.client.geographicalContext.city
-- also: client.geographicalContext.state detail.client.geographicalContext.state
-- also: client.geographicalContext.country detail.client.geographicalContext.country
-- also: client.geographicalContext.postalCode detail.client.geographicalContext.postalCode
-- also: client.geographicalContext.geolocation.lat detail.client.geographicalContext.geolocation.lat
-- also: client.geographicalContext.geolocation.lon detail.client.geographicalContext.geolocation.lon
-- also: outcome.result detail.outcome.result
-- also: outcome.reason detail.outcome.reason
-- also: target detail.target
-- also: transaction.id detail.transaction.id
-- also: transaction.type detail.transaction.type
-- also: authenticationContext.externalSessionId detail.authenticationContext.externalSessionId
-- also: authenticationContext.rootSessionId detail.authenticationContext.rootSessionId
-- also: authenticationContext.issuer detail.authenticationContext.issuer
-- also: securityContext.isp detail.securityContext.isp
-- also: securityContext.domain detail.securityContext.domain
-- also: securityContext.isProxy detail.securityContext.isProxy
-- also: debugContext.debugData.requestUri detail.debugContext.debugData.requestUri
-- also: debugContext.debugData.requestId detail.debugContext.debugData.requestId
-- also: debugContext.debugData.signOnMode detail.debugContext.debugData.signOnMode
-- also: debugContext.debugData.risk detail.debugContext.debugData.risk
-- also: debugContext.debugData.privilegeGranted detail.debugContext.debugData.privilegeGranted
-- also: debugContext.debugData.privilegeRevoked detail.debugContext.debugData.privilegeRevoked
-- also: debugContext.debugData.threatSuspected detail.debugContext.debugData.threatSuspected
--
-- Events of Okta's System Log, as the API /api/v1/logs gives them: JSON lines, arrays, or events that EventBridge wraps in detail.
-- https://developer.okta.com/docs/api/openapi/okta-management/management/tag/SystemLog/
-- https://developer.okta.com/docs/reference/api/event-types/
--
-- eventType decides what an event becomes:
-- authentication are sessions (user.session), logins and single sign-on (user.authentication), answers to push notifications
-- (user.mfa.okta_verify), verdicts of sign-on policies (policy.evaluate_sign_on) and refused access to applications; account change are
-- user.lifecycle, user.account and the factors of a user (user.mfa.factor); user access management are administrator roles
-- (user.account.privilege) and the assignment of users to applications (application.user_membership); group management is group;
-- entity management are policies, rules, zones, applications, API tokens, identity providers, roles, devices, hooks and what else has a
-- life cycle; detection finding are threats, risks and suspicious activity that users report. Any other event is API activity, with
-- eventType as the operation, so that a new type of event is not lost.
--
-- The user of a login is the actor, or the target where somebody else acts (user.session.clear, impersonation) or where the actor is not a
-- user. Of changes, the user is the target of the type User, and the actor is who made the change. name is what Okta calls alternateId
-- (the login), and uid its identifier. All targets stay in unmapped, as they are.
--
-- time is published. The names of countries are location.desc, because OCSF's country is a code. The number and name of the
-- autonomous system, the device and debugData stay in unmapped.
--
-- A user can type a password into the field of the user name. It is then in actor.alternateId of a failed login.
--
-- Tried against public events of version 0 of the API. [Public samples](../samples.md) has the projects and the counts.
CREATE TABLE raw (
  uuid            VARCHAR,
  published       TIMESTAMP,
  eventType       VARCHAR,
  "version"       VARCHAR,
  severity        VARCHAR, -- DEBUG, INFO, WARN, ERROR
  legacyEventType VARCHAR,
  displayMessage  VARCHAR,
  actor           STRUCT(id VARCHAR, "type" VARCHAR, alternateId VARCHAR, displayName VARCHAR),
  client          STRUCT(
    ipAddress VARCHAR, id VARCHAR, "zone" VARCHAR, device VARCHAR,
    userAgent STRUCT(rawUserAgent VARCHAR, os VARCHAR, browser VARCHAR),
    geographicalContext STRUCT(city VARCHAR, state VARCHAR, country VARCHAR, postalCode VARCHAR, geolocation STRUCT(lat DOUBLE, lon DOUBLE))),
  outcome         STRUCT("result" VARCHAR, reason VARCHAR),
  target          STRUCT(id VARCHAR, "type" VARCHAR, alternateId VARCHAR, displayName VARCHAR)[],
  "transaction"   STRUCT(id VARCHAR, "type" VARCHAR),
  authenticationContext STRUCT(externalSessionId VARCHAR, rootSessionId VARCHAR, issuer JSON),
  securityContext STRUCT(isp VARCHAR, "domain" VARCHAR, isProxy BOOLEAN),
  debugContext    STRUCT(debugData STRUCT(
    requestUri VARCHAR, requestId VARCHAR, signOnMode VARCHAR, risk VARCHAR, privilegeGranted VARCHAR, privilegeRevoked VARCHAR,
    threatSuspected VARCHAR))
);
