package main

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// okta appends an event of Okta's System Log: mostly logins, single sign-on and verdicts of policies. The form is that of
// developer.okta.com/docs/api/openapi/okta-management/management/tag/SystemLog/.
func okta(b []byte, r *rand.Rand, n int, at time.Time) []byte {
	user := r.IntN(2000)
	who := fmt.Sprintf(`{"id":"00u%07x","type":"User","alternateId":"user%d@example.com","displayName":"User %d","detailEntry":null}`, user, user, user)
	app := fmt.Sprintf(`{"id":"0oa%07x","type":"AppInstance","alternateId":"app%d","displayName":"Application %d","detailEntry":{"signOnModeType":"SAML_2_0"}}`, user%40, user%40, user%40)
	member := fmt.Sprintf(`{"id":"0ua%07x","type":"AppUser","alternateId":"user%d@example.com","displayName":"User %d","detailEntry":null}`, user, user, user)
	group := fmt.Sprintf(`{"id":"00g%07x","type":"UserGroup","alternateId":"unknown","displayName":"Group %d","detailEntry":null}`, user%90, user%90)
	kind, text, result, targets, debug := "user.authentication.sso", "User single sign on to app", `"SUCCESS","reason":null`, app+","+member, `,"signOnMode":"SAML 2.0"`
	switch k := r.IntN(100); {
	case k < 40:
	case k < 60:
		kind, text, targets, debug = "user.session.start", "User login to Okta", app, ""
		if r.IntN(8) == 0 {
			result = `"FAILURE","reason":"INVALID_CREDENTIALS"`
		}
	case k < 80:
		kind, text, result, debug = "policy.evaluate_sign_on", "Evaluation of sign-on policy", pick(r, `"ALLOW","reason":"Sign-on policy evaluation resulted in AUTHENTICATED"`, `"CHALLENGE","reason":"Sign-on policy evaluation resulted in CHALLENGE"`), ""
	case k < 90:
		kind, text, targets, debug = "user.authentication.auth_via_mfa", "Authentication of user via MFA", who, `,"factor":"OKTA_VERIFY_PUSH"`
	case k < 93:
		kind, text, targets, debug = "group.user_membership.add", "Add user to group membership", who+","+group, ""
	case k < 95:
		kind, text, targets, debug = "application.user_membership.add", "Add user to application membership", member+","+app+","+who, ""
	case k < 97:
		kind, text, targets, debug = "user.account.update_password", "User update password for Okta", who, ""
	default:
		kind, text, targets, debug = "app.oauth2.token.grant.access_token", "OAuth2 access token is granted", `{"id":"AT.`+fmt.Sprintf("%016x", r.Uint64())+`","type":"access_token","alternateId":null,"displayName":"Access Token","detailEntry":null}`, ""
	}
	ip, city := fmt.Sprintf("198.51.100.%d", user%250+1), pick(r, "Berlin", "Paris", "Oslo", "Madrid")
	place := `{"city":"` + city + `","state":"` + city + `","country":"Europe","postalCode":"10115","geolocation":{"lat":52.52,"lon":13.4}}`
	id := fmt.Sprintf("%08x-%04x-11f0-%04x-%012x", r.Uint32(), r.IntN(1<<16), r.IntN(1<<16), n)
	return fmt.Appendf(b, `{"actor":%s,"client":{"userAgent":{"rawUserAgent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36","os":"Windows 10","browser":"CHROME"},"zone":"null","device":"Computer","id":null,"ipAddress":"%s","geographicalContext":%s},`+
		`"device":null,"authenticationContext":{"authenticationProvider":null,"credentialProvider":null,"credentialType":null,"issuer":null,"interface":null,"authenticationStep":0,"rootSessionId":"102%014x","externalSessionId":"102%014x"},`+
		`"displayMessage":"%s","eventType":"%s","outcome":{"result":%s},"published":"%s","securityContext":{"asNumber":64496,"asOrg":"Example Net","isp":"Example ISP","domain":"example.net","isProxy":false},"severity":"INFO",`+
		`"debugContext":{"debugData":{"requestId":"%s","dtHash":"%064x","requestUri":"/app/sso","url":"/app/sso?","threatSuspected":"false"%s}},"legacyEventType":"core.%s","transaction":{"type":"WEB","id":"%s","detail":{}},"uuid":"%s","version":"0",`+
		`"request":{"ipChain":[{"ip":"%s","geographicalContext":%s,"version":"V4","source":null}]},"target":[%s]}`+"\n",
		who, ip, place, user, user, text, kind, result, at.UTC().Format("2006-01-02T15:04:05.000Z"), id, r.Uint64(), debug, kind, id, id, ip, place, targets)
}

func oktaKey(at time.Time) string {
	return at.Format("okta/2006/01/02/") + "okta-" + at.Format("2006-01-02-15-04-05")
}
