package main

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// entra appends a diagnostic record with a sign-in of Microsoft Entra ID: mostly tokens that clients ask for by themselves, sign-ins of
// users and of service principals. The form is that of learn.microsoft.com/graph/api/resources/signin, in properties.
func entra(b []byte, r *rand.Rand, n int, at time.Time) []byte {
	const tenant = "3f0a6c1e-0000-4000-8000-000000000001"
	user, category, interactive := r.IntN(2000), "NonInteractiveUserSignInLogs", false
	ip, id := fmt.Sprintf("198.51.100.%d", user%250+1), fmt.Sprintf("%08x-%04x-4000-8000-%012x", r.Uint32(), r.IntN(1<<16), n)
	stamp := at.UTC().Format("2006-01-02T15:04:05.0000000")
	place := `{"city":"Berlin","state":"Berlin","countryOrRegion":"DE","geoCoordinates":{"latitude":52.52,"longitude":13.405}}`
	code, status := 0, `{"errorCode":0,"additionalDetails":"MFA requirement satisfied by claim in the token"}`
	switch k := r.IntN(100); {
	case k < 60:
	case k < 80:
		category, interactive, status = "SignInLogs", true, `{"errorCode":0,"additionalDetails":"MFA completed in Azure AD"}`
	case k < 90:
		category, interactive, code = "SignInLogs", true, pick(r, 50126, 50074, 50140, 53003)
		status = fmt.Sprintf(`{"errorCode":%d,"failureReason":"The reason of code %d."}`, code, code)
	default:
		return fmt.Appendf(b, `{"time":"%sZ","resourceId":"/tenants/%s/providers/Microsoft.aadiam","operationName":"Sign-in activity","operationVersion":"1.0","category":"ServicePrincipalSignInLogs","tenantId":"%s","resultType":"0","resultSignature":"None","durationMs":0,"callerIpAddress":"%s","correlationId":"%s","Level":4,"location":"DE",`+
			`"properties":{"id":"%s","createdDateTime":"%s+00:00","userId":null,"appId":"6131d760-0000-4000-8000-%012x","ipAddress":"%s","status":{"errorCode":0},"location":%s,"correlationId":"%s","conditionalAccessStatus":"notApplied","appliedConditionalAccessPolicies":[],"isInteractive":false,"tokenIssuerType":"AzureAD","clientCredentialType":"clientSecret","processingTimeInMilliseconds":0,"riskDetail":"none","riskLevelAggregated":"low","riskLevelDuringSignIn":"low","riskState":"none","resourceDisplayName":"Microsoft Graph","resourceId":"00000003-0000-0000-c000-000000000000","servicePrincipalName":"service %d","servicePrincipalId":"b029d485-0000-4000-8000-%012x","servicePrincipalCredentialKeyId":"dbcd79c0-0000-4000-8000-%012x","uniqueTokenIdentifier":"%016x","incomingTokenType":"none","authenticationProtocol":"none"}}`+"\n",
			stamp, tenant, tenant, ip, id, id, stamp, user, ip, place, id, user, user, user, r.Uint64())
	}
	return fmt.Appendf(b, `{"time":"%sZ","resourceId":"/tenants/%s/providers/Microsoft.aadiam","operationName":"Sign-in activity","operationVersion":"1.0","category":"%s","tenantId":"%s","resultType":"%d","resultSignature":"None","durationMs":0,"callerIpAddress":"%s","correlationId":"%s","identity":"User %d","Level":4,"location":"DE",`+
		`"properties":{"id":"%s","createdDateTime":"%s+00:00","userDisplayName":"User %d","userPrincipalName":"user%d@example.com","userId":"00000000-0000-4000-8000-%012x","appId":"c44b4083-0000-4000-8000-%012x","appDisplayName":"Application %d","ipAddress":"%s","status":%s,"clientAppUsed":"Browser","userAgent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/136.0.0.0 Safari/537.36","deviceDetail":{"deviceId":"0d0d0d0d-0000-4000-8000-%012x","displayName":"LAPTOP-%d","operatingSystem":"Windows10","browser":"Chrome 136.0.0","isCompliant":true,"isManaged":true,"trustType":"Azure AD joined"},`+
		`"location":%s,"mfaDetail":{},"correlationId":"%s","conditionalAccessStatus":"success","appliedConditionalAccessPolicies":[{"id":"ca000001-0000-4000-8000-000000000001","displayName":"Require MFA","enforcedGrantControls":["Mfa"],"enforcedSessionControls":[],"result":"success","conditionsSatisfied":3,"conditionsNotSatisfied":0},{"id":"ca000001-0000-4000-8000-000000000002","displayName":"Block legacy clients","enforcedGrantControls":["Block"],"enforcedSessionControls":[],"result":"notApplied","conditionsSatisfied":0,"conditionsNotSatisfied":1}],`+
		`"originalRequestId":"%s","isInteractive":%t,"tokenIssuerName":"","tokenIssuerType":"AzureAD","authenticationProcessingDetails":[{"key":"Legacy TLS (TLS 1.0, 1.1, 3DES)","value":"False"},{"key":"Is CAE Token","value":"False"}],"networkLocationDetails":[],"processingTimeInMilliseconds":%d,"riskDetail":"none","riskLevelAggregated":"none","riskLevelDuringSignIn":"none","riskState":"none","riskEventTypes":[],"riskEventTypes_v2":[],"resourceDisplayName":"Microsoft Graph","resourceId":"00000003-0000-0000-c000-000000000000","resourceTenantId":"%s","homeTenantId":"%s","authenticationDetails":[],"authenticationRequirementPolicies":[],"authenticationRequirement":"multiFactorAuthentication","servicePrincipalId":"","userType":"Member","flaggedForReview":false,"isTenantRestricted":false,"autonomousSystemNumber":64496,"crossTenantAccessType":"none","privateLinkDetails":{},"ssoExtensionVersion":"","uniqueTokenIdentifier":"%016x","incomingTokenType":"primaryRefreshToken","authenticationProtocol":"none","sessionId":"5e551011-0000-4000-8000-%012x"}}`+"\n",
		stamp, tenant, category, tenant, code, ip, id, user, id, stamp, user, user, user, user%40, user%40, ip, status, user, user, place, id, id, interactive, r.IntN(400), tenant, tenant, r.Uint64(), user)
}

func entraKey(at time.Time) string {
	return at.Format("entra/insights-logs-signinlogs/tenantId=3f0a6c1e-0000-4000-8000-000000000001/y=2006/m=01/d=02/h=15/m=00/") + at.Format("PT1H-04-05.json")
}
