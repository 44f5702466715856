-- What all events have: when, who acted, and from where.
-- ocsf: 1.1.0
-- profiles: host
-- consumes: severity = CASE severity_id WHEN 1 THEN 'INFO' WHEN 3 THEN 'WARN' WHEN 4 THEN 'ERROR' END
-- consumes: outcome."result" = CASE status_id WHEN 1 THEN 'SUCCESS' WHEN 2 THEN 'FAILURE' END
-- consumes: actor."type" = CASE actor."user".type_id WHEN 1 THEN 'User' WHEN 3 THEN 'SystemPrincipal' END
-- consumes: client.geographicalContext.geolocation.lat = src_endpoint.location.coordinates[2]
-- consumes: client.geographicalContext.geolocation.lon = src_endpoint.location.coordinates[1]
-- consumes: securityContext."domain" = src_endpoint."domain"
SELECT
  published AS "time",
  okta_severity(severity) AS severity_id,
  okta_status(outcome."result") AS status_id,
  CASE WHEN okta_status(outcome."result") = 99 THEN outcome."result" END AS status,
  outcome.reason AS status_detail,
  displayMessage AS message,

  *,

  uuid AS "metadata.uid",
  eventType AS "metadata.event_code",
  "transaction".id AS "metadata.correlation_uid",
  "version" AS "metadata.product.version",
  'Okta' AS "metadata.product.name",
  'Okta' AS "metadata.product.vendor_name",

  actor.id AS "actor.user.uid",
  actor.alternateId AS "actor.user.name",
  actor.displayName AS "actor.user.full_name",
  okta_mail(actor.alternateId) AS "actor.user.email_addr",
  okta_user_type(actor."type") AS "actor.user.type_id",
  CASE WHEN okta_user_type(actor."type") = 99 THEN actor."type" END AS "actor.user.type",
  authenticationContext.externalSessionId AS "actor.session.uid",
  authenticationContext.rootSessionId AS "actor.session.uid_alt",

  client.ipAddress AS "src_endpoint.ip",
  CASE WHEN client.ipAddress IS NOT NULL THEN securityContext."domain" END AS "src_endpoint.domain", -- of the address's provider
  client."zone" AS "src_endpoint.zone",
  client.geographicalContext.city AS "src_endpoint.location.city",
  client.geographicalContext.state AS "src_endpoint.location.region",
  client.geographicalContext.country AS "src_endpoint.location.desc",
  client.geographicalContext.postalCode AS "src_endpoint.location.postal_code",
  [client.geographicalContext.geolocation.lon, client.geographicalContext.geolocation.lat] AS "src_endpoint.location.coordinates",
  securityContext.isp AS "src_endpoint.location.isp",
  client.userAgent.rawUserAgent AS "http_request.user_agent",
  debugContext.debugData.requestId AS "http_request.uid",
  debugContext.debugData.requestUri AS "http_request.url.url_string"
FROM raw;
