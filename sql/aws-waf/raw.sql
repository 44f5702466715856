-- timestamp: timestamp epoch_ms
--
-- Logs of AWS WAF: one JSON object for each web request that a web ACL inspected, as WAF or Firehose delivers them to S3.
-- The resource in front of which the web ACL stands is in httpSourceName: CF, ALB, APIGW, APPSYNC, COGNITOIDP, APPRUNNER
-- or VERIFIED_ACCESS.
--
-- https://docs.aws.amazon.com/waf/latest/developerguide/logging-fields.html
-- https://docs.aws.amazon.com/waf/latest/developerguide/logging-examples.html
CREATE TABLE raw (
  "timestamp"         TIMESTAMP,
  "formatVersion"     VARCHAR, -- 1
  "webaclId"          VARCHAR, -- the ARN of the web ACL
  "terminatingRuleId" VARCHAR, -- Default_Action if no rule ended the evaluation
  "terminatingRuleType" VARCHAR, -- REGULAR, RATE_BASED, GROUP, MANAGED_RULE_GROUP
  "action"            VARCHAR, -- ALLOW, BLOCK, CAPTCHA, CHALLENGE
  -- of SQL injection and XSS only
  "terminatingRuleMatchDetails" STRUCT("conditionType" VARCHAR, location VARCHAR, "matchedData" VARCHAR[])[],
  "httpSourceName"    VARCHAR,
  "httpSourceId"      VARCHAR,
  "rateBasedRuleList" STRUCT("maxRateAllowed" INTEGER)[],
  "responseCodeSent"  INTEGER, -- of a custom response, and of CAPTCHA and CHALLENGE
  labels              STRUCT("name" VARCHAR)[],
  "httpRequest" STRUCT(
    "clientIp"    VARCHAR,
    country       VARCHAR, -- two letters; - if it is not known
    headers       STRUCT("name" VARCHAR, "value" VARCHAR)[],
    uri           VARCHAR,
    args          VARCHAR,
    "httpVersion" VARCHAR,
    "httpMethod"  VARCHAR,
    "requestId"   VARCHAR
  )
);
