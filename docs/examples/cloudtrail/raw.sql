-- CloudTrail events as delivered to S3: each object is one document, {"Records":[...]}, compressed with gzip.
-- https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
-- records: Records
CREATE TABLE raw (
  "eventVersion"   VARCHAR,
  "userIdentity" STRUCT(
    "type"         VARCHAR, -- Root, IAMUser, AssumedRole, FederatedUser, AWSAccount, AWSService, ...
    "principalId"  VARCHAR,
    arn            VARCHAR,
    "accountId"    VARCHAR,
    "accessKeyId"  VARCHAR,
    "userName"     VARCHAR,
    "invokedBy"    VARCHAR,
    "sessionContext" STRUCT(
      "sessionIssuer" STRUCT("type" VARCHAR, "principalId" VARCHAR, arn VARCHAR, "accountId" VARCHAR, "userName" VARCHAR),
      attributes STRUCT("creationDate" TIMESTAMP, "mfaAuthenticated" BOOLEAN)
    )
  ),
  "eventTime"           TIMESTAMP,
  "eventSource"         VARCHAR,
  "eventName"           VARCHAR,
  "awsRegion"           VARCHAR,
  "sourceIPAddress"     VARCHAR, -- an address, or the name of an AWS service
  "userAgent"           VARCHAR,
  "errorCode"           VARCHAR,
  "errorMessage"        VARCHAR,
  "requestParameters"   JSON, -- other keys in each kind of event: no columns
  "responseElements"    JSON,
  "additionalEventData" STRUCT("MFAUsed" VARCHAR),
  "requestID"           VARCHAR,
  "eventID"             VARCHAR,
  "readOnly"            BOOLEAN,
  "eventType"           VARCHAR, -- AwsApiCall, AwsServiceEvent, AwsConsoleAction, AwsConsoleSignIn
  "apiVersion"          VARCHAR,
  resources             STRUCT("accountId" VARCHAR, "type" VARCHAR, "ARN" VARCHAR)[],
  "recipientAccountId"  VARCHAR,
  "tlsDetails" STRUCT("tlsVersion" VARCHAR, "cipherSuite" VARCHAR, "clientProvidedHostHeader" VARCHAR)
);
