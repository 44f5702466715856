package glue_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/catalog/glue"
)

// The catalog's role is assumed with its external ID, and a refusal says so.
func TestRole(t *testing.T) {
	start(t)
	const role = "arn:aws:iam::444455556666:role/lake-provider"
	asked := ""
	refuse := false
	sts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		asked = strings.Join([]string{r.Form.Get("Action"), r.Form.Get("RoleArn"), r.Form.Get("ExternalId")}, " ")
		w.Header().Set("Content-Type", "text/xml")
		if refuse {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `<ErrorResponse><Error><Code>AccessDenied</Code><Message>User: x is not authorized to perform: sts:AssumeRole</Message></Error></ErrorResponse>`)
			return
		}
		fmt.Fprint(w, `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey>`+
			`<SessionToken>token</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`)
	}))
	t.Cleanup(sts.Close)
	t.Setenv("AWS_ENDPOINT_URL_STS", sts.URL)
	assume := func() *glue.Catalog {
		c, err := glue.Open(t.Context(), glue.Config{Database: database, RoleARN: role, ExternalID: "shared-word", Pause: time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	ensure(t, assume(), "a", "int")
	if asked != "AssumeRole "+role+" shared-word" {
		t.Errorf("STS was asked %q", asked)
	}
	refuse = true
	_, err := assume().Table(t.Context(), "events")
	if !errors.Is(err, catalog.ErrDenied) || !strings.Contains(err.Error(), role) || !strings.Contains(err.Error(), "trust policy") {
		t.Errorf("a refused role: %v", err)
	}
	if strings.Contains(err.Error(), "shared-word") {
		t.Errorf("the error gives the external ID away: %v", err)
	}
}
