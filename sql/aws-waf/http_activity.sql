-- class: http_activity
-- ocsf: 1.1.0
-- profiles: cloud, security_control, datetime
-- without: dst_endpoint, http_response
-- consumes: "action" = CASE action_id WHEN 1 THEN 'ALLOW' WHEN 2 THEN 'BLOCK' WHEN 99 THEN "action" END
-- consumes: terminatingRuleMatchDetails = [{'conditionType': firewall_rule.condition, 'location': firewall_rule.match_location, 'matchedData': firewall_rule.match_details}]
-- consumes: labels = list_transform(metadata.labels, lambda l: {'name': l})
-- consumes: httpRequest.headers = list_transform(http_request.http_headers, lambda h: {'name': h."name", 'value': h."value"})
SELECT
  "timestamp" AS "time",
  http_activity_id("httpRequest"."httpMethod") AS activity_id,
  1 AS severity_id, -- Informational
  -- A CAPTCHA or a challenge is answered instead of the request, and its result decides about the next request.
  CASE "action" WHEN 'ALLOW' THEN 1 WHEN 'BLOCK' THEN 2 ELSE CASE WHEN "action" IS NULL THEN 0 ELSE 99 END END AS action_id,
  CASE WHEN "action" NOT IN ('ALLOW', 'BLOCK') THEN "action" END AS "action",
  CASE "action" WHEN 'ALLOW' THEN 1 WHEN 'BLOCK' THEN 2 WHEN 'CAPTCHA' THEN 22 WHEN 'CHALLENGE' THEN 23
    ELSE CASE WHEN "action" IS NULL THEN 0 ELSE 99 END END AS disposition_id,
  CASE WHEN "action" NOT IN ('ALLOW', 'BLOCK', 'CAPTCHA', 'CHALLENGE') THEN "action" END AS disposition,
  "responseCodeSent" AS http_status,

  "terminatingRuleId" AS "firewall_rule.uid",
  "terminatingRuleType" AS "firewall_rule.type",
  "terminatingRuleMatchDetails"[1]."conditionType" AS "firewall_rule.condition",
  "terminatingRuleMatchDetails"[1].location AS "firewall_rule.match_location",
  "terminatingRuleMatchDetails"[1]."matchedData" AS "firewall_rule.match_details",
  "rateBasedRuleList"[1]."maxRateAllowed" AS "firewall_rule.rate_limit",

  "httpRequest"."clientIp" AS "src_endpoint.ip",
  "httpRequest".country AS "src_endpoint.location.country",
  -- the protected resource
  "httpSourceName" AS "src_endpoint.svc_name",
  "httpSourceId" AS "src_endpoint.uid",

  "httpRequest"."httpMethod" AS "http_request.http_method",
  "httpRequest".uri AS "http_request.url.path",
  host_only(header_value("httpRequest".headers, 'host')) AS "http_request.url.hostname",
  "httpRequest".args AS "http_request.args",
  "httpRequest"."httpVersion" AS "http_request.version",
  "httpRequest"."requestId" AS "http_request.uid",
  header_value("httpRequest".headers, 'user-agent') AS "http_request.user_agent",
  header_value("httpRequest".headers, 'referer') AS "http_request.referrer",
  list_transform(string_split(header_value("httpRequest".headers, 'x-forwarded-for'), ','), lambda a: trim(a)) AS "http_request.x_forwarded_for",
  list_transform("httpRequest".headers, lambda h: {'name': h."name", 'value': h."value"}) AS "http_request.http_headers",

  'AWS' AS "cloud.provider",
  -- Security Lake has the account only in the partition
  arn_account("webaclId") AS "cloud.account.uid",

  list_filter([
    {'name': 'src_endpoint.ip', 'type_id': 2, 'value': "httpRequest"."clientIp"},
    {'name': 'src_endpoint.uid', 'type_id': 10, 'value': "httpSourceId"},
    {'name': 'firewall_rule.uid', 'type_id': 10, 'value': "terminatingRuleId"},
    {'name': 'httpRequest.headers[].value', 'type_id': 1, 'value': host_only(header_value("httpRequest".headers, 'host'))}
  ], lambda o: o."value" IS NOT NULL) AS observables,

  list_transform(labels, lambda l: l."name") AS "metadata.labels",
  'AWS WAF' AS "metadata.product.name",
  'AWS' AS "metadata.product.vendor_name",
  "webaclId" AS "metadata.product.feature.uid",
  "formatVersion" AS "metadata.product.version"
FROM raw
WHERE "webaclId" IS NOT NULL;
