-- records: Records
-- redact: responseElements.credentials.sessionToken AS mask, responseElements.credentials.secretAccessKey AS mask
-- redact: responseElements.roleCredentials.sessionToken AS mask, responseElements.roleCredentials.secretAccessKey AS mask
-- redact: responseElements.accessKey.secretAccessKey AS mask, responseElements.secretAccessKey AS mask
-- redact: responseElements.sessionToken AS mask, responseElements.accessToken AS mask, responseElements.refreshToken AS mask
-- redact: responseElements.idToken AS mask, responseElements.clientSecret AS mask, responseElements.password AS mask
-- redact: responseElements.authenticationResult.accessToken AS mask, responseElements.authenticationResult.idToken AS mask
-- redact: responseElements.authenticationResult.refreshToken AS mask, responseElements.userPoolClient.clientSecret AS mask
-- redact: responseElements.serviceSpecificCredential.servicePassword AS mask, responseElements.keyMaterial AS mask
-- redact: responseElements.serviceSpecificCredential.serviceCredentialSecret AS mask
-- redact: responseElements.plaintext AS mask, responseElements.secretString AS mask, responseElements.authorizationToken AS mask
-- redact: responseElements.authorizationData AS mask, responseElements.dbPassword AS mask, responseElements.SigninToken AS mask
-- redact: responseElements.signinToken AS mask, responseElements.virtualMFADevice.base32StringSeed AS mask
-- redact: responseElements.virtualMFADevice.qRCodePNG AS mask, responseElements.privateKey AS mask
-- redact: requestParameters.password AS mask, requestParameters.newPassword AS mask, requestParameters.oldPassword AS mask
-- redact: requestParameters.masterUserPassword AS mask, requestParameters.adminUserPassword AS mask
-- redact: requestParameters.temporaryPassword AS mask, requestParameters.proposedPassword AS mask
-- redact: requestParameters.previousPassword AS mask, requestParameters.secretString AS mask
-- redact: requestParameters.secretBinary AS mask, requestParameters.authToken AS mask, requestParameters.clientSecret AS mask
-- redact: requestParameters.sAMLAssertion AS mask, requestParameters.webIdentityToken AS mask, requestParameters.tokenCode AS mask
-- redact: requestParameters.accessToken AS mask, requestParameters.refreshToken AS mask, requestParameters.sessionToken AS mask
-- redact: requestParameters.secretAccessKey AS mask, requestParameters.privateKey AS mask, requestParameters.secretHash AS mask
-- redact: requestParameters.authParameters AS mask, requestParameters.challengeResponses AS mask
-- redact: requestParameters.user.password AS mask, requestParameters.users.password AS mask
-- redact: requestParameters.secret AS mask, requestParameters.secretKey AS mask, requestParameters.secretValue AS mask
-- redact: requestParameters.apiKey AS mask, requestParameters.authorization AS mask, requestParameters.passphrase AS mask
-- redact: requestParameters.credentials.password AS mask, requestParameters.credentials.secretAccessKey AS mask
-- redact: requestParameters.credentials.sessionToken AS mask, requestParameters.certificate.privateKey AS mask
-- redact: responseElements.secret AS mask, responseElements.secretKey AS mask, responseElements.token AS mask
-- redact: responseElements.apiKey AS mask, responseElements.authorization AS mask, responseElements.credentials.password AS mask
-- redact: responseElements.secretBinary AS mask, responseElements.temporaryPassword AS mask
-- redact: requestParameters.X-Amz-Security-Token AS mask, requestParameters.X-Amz-Signature AS mask
--
-- AWS CloudTrail events as a trail delivers them to S3: one document an object, {"Records":[...]}, packed with gzip. Management events,
-- data events, network activity events and Insights events, of trails of an account and of an organisation.
CREATE TABLE raw (
  "eventVersion"   VARCHAR,
  "userIdentity" STRUCT(
    "type"         VARCHAR, -- Root, IAMUser, AssumedRole, FederatedUser, AWSAccount, AWSService, IdentityCenterUser, ...
    "principalId"  VARCHAR,
    arn            VARCHAR,
    "accountId"    VARCHAR,
    "accessKeyId"  VARCHAR,
    "userName"     VARCHAR,
    "invokedBy"    VARCHAR, -- a service of AWS that made the call
    "identityProvider" VARCHAR,
    "credentialId" VARCHAR,
    "onBehalfOf"   STRUCT("userId" VARCHAR, "identityStoreArn" VARCHAR),
    "sessionContext" STRUCT(
      "sessionIssuer" STRUCT(arn VARCHAR),
      "webIdFederationData" STRUCT("federatedProvider" VARCHAR),
      attributes STRUCT("creationDate" TIMESTAMP, "mfaAuthenticated" BOOLEAN)
    )
  ),
  "eventTime"           TIMESTAMP,
  "eventSource"         VARCHAR,
  "eventName"           VARCHAR,
  "awsRegion"           VARCHAR,
  "sourceIPAddress"     VARCHAR, -- an address, or the name of a service of AWS
  "userAgent"           VARCHAR,
  "errorCode"           VARCHAR,
  "errorMessage"        VARCHAR,
  "requestParameters"   JSON, -- other keys in each kind of event
  "responseElements"    JSON,
  "additionalEventData" STRUCT("MFAUsed" VARCHAR, "LoginTo" VARCHAR, "UserName" VARCHAR),
  "requestID"           VARCHAR,
  "eventID"             VARCHAR,
  "eventType"           VARCHAR, -- AwsApiCall, AwsServiceEvent, AwsConsoleSignIn, AwsVpceEvent, AwsCloudTrailInsight, ...
  "eventCategory"       VARCHAR, -- Management, Data, NetworkActivity, Insight; since version 1.07
  "readOnly"            BOOLEAN,
  "apiVersion"          VARCHAR,
  "vpcEndpointId"       VARCHAR,
  resources             STRUCT("ARN" VARCHAR, "ARNPrefix" VARCHAR, "accountId" VARCHAR, "type" VARCHAR)[],
  "recipientAccountId"  VARCHAR, -- the account of the trail; the caller's is userIdentity.accountId
  "insightDetails" STRUCT("eventSource" VARCHAR, "eventName" VARCHAR),
  -- captures of the job's key_pattern; not a part of the record
  "key" STRUCT(account_id VARCHAR, region VARCHAR)
);
