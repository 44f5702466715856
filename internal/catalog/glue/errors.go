package glue

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/smithy-go"

	"github.com/silt-etl/silt/internal/catalog"
)

// answered is an error answer in one line, without the SDK's preamble, and with a sentinel for callers.
type answered struct {
	sentinel error // nil for what callers do not decide on
	request  string
	cause    error
}

func (e *answered) Error() string {
	text := e.cause.Error()
	var answer smithy.APIError
	if errors.As(e.cause, &answer) {
		text = answer.ErrorCode()
		if m := answer.ErrorMessage(); m != "" {
			text += ": " + m
		}
	}
	text = e.request + ": " + text
	if e.sentinel != nil {
		text = e.sentinel.Error() + ": " + text
	}
	return text
}

func (e *answered) Unwrap() []error {
	if e.sentinel == nil {
		return []error{e.cause}
	}
	return []error{e.sentinel, e.cause}
}

// accessDenied is the code of Glue, and that of STS.
func accessDenied(code string) bool {
	return code == "AccessDeniedException" || code == "AccessDenied"
}

// wrap names the request that failed and recognizes refusals. What is not an API error (a cancelled context, a lost
// connection) is only named.
func wrap(request string, err error) error {
	if err == nil {
		return nil
	}
	a := &answered{request: request, cause: err}
	if accessDenied(code(err)) {
		a.sentinel = catalog.ErrDenied
	}
	return a
}

// code of an error answer, or "".
func code(err error) string {
	var answer smithy.APIError
	if errors.As(err, &answer) {
		return answer.ErrorCode()
	}
	return ""
}

// fromSTS reports whether it was AssumeRole that failed, inside of a request to Glue.
func fromSTS(err error) bool {
	for err != nil {
		var op *smithy.OperationError
		if !errors.As(err, &op) {
			return false
		}
		if op.ServiceID == "STS" {
			return true
		}
		err = op.Err
	}
	return false
}

// crossed reports whether a batch was refused because of another writer. The client itself retries other temporary errors.
func crossed(err error) bool { return code(err) == "ConcurrentModificationException" }

// passing reports whether an error of one item of a batch is temporary.
func passing(code string) bool {
	switch code {
	case "InternalServiceException", "InternalServerException", "InternalFailure", "OperationTimeoutException",
		"ThrottlingException", "Throttling", "TooManyRequestsException", "ConcurrentModificationException", "ResourceNotReadyException",
		"ServiceUnavailableException":
		return true
	}
	return false
}

const (
	notFound      = "EntityNotFoundException"
	alreadyExists = "AlreadyExistsException"
)

// lostRace reports the answers to a change of a table that was changed, created or removed in between.
func lostRace(err error) bool {
	switch code(err) {
	case "ConcurrentModificationException", "VersionMismatchException", alreadyExists, notFound:
		return true
	}
	return false
}

// fail makes what callers of the package see.
func (c *Catalog) fail(op, object string, err error) error {
	if err == nil {
		return nil
	}
	var a *answered
	request := ""
	if errors.As(err, &a) {
		request = a.request
	}
	try := ""
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
	case fromSTS(err):
		try = fmt.Sprintf("check the trust policy and the external ID of the role %s, which could not be assumed", c.cfg.RoleARN)
	case errors.Is(err, catalog.ErrNoDatabase):
		try = fmt.Sprintf("enable Security Lake in %s, or create a database of your own: "+
			"aws glue create-database --region %s --database-input Name=%s", c.cfg.Region, c.cfg.Region, c.cfg.Database)
	case errors.Is(err, catalog.ErrNoTable):
		try = "run the job: its first batch creates the table"
	case errors.Is(err, catalog.ErrDenied):
		try = fmt.Sprintf("allow glue:%s on the catalog, database/%s and table/%s/* to the identity named there. If Lake Formation "+
			"governs the database, also grant it %s", request, c.cfg.Database, c.cfg.Database, grants(request))
	case code(err) == "ResourceNumberLimitExceededException":
		try = "ask AWS to raise the Glue quota, or remove what is not used"
	case credentialCodes(code(err)):
		try = "renew the AWS credentials, which are wrong or expired"
	case strings.Contains(err.Error(), "get credentials:"): // the SDK has no type for it
		try = "set AWS_PROFILE or AWS_ACCESS_KEY_ID, or run where a role is attached: AWS credentials were not found"
	case errors.Is(err, catalog.ErrBusy):
		try = "run again later; nothing is lost"
	}
	return catalog.Fail(op, c.String(), object, err, try)
}

func credentialCodes(code string) bool {
	switch code {
	case "UnrecognizedClientException", "InvalidSignatureException", "ExpiredTokenException", "ExpiredToken", "InvalidClientTokenId",
		"MissingAuthenticationTokenException", "IncompleteSignatureException":
		return true
	}
	return false
}

// grants are Lake Formation's permissions that a request needs
// (docs.aws.amazon.com/lake-formation/latest/dg/lf-permissions-reference.html).
func grants(request string) string {
	switch request {
	case "GetDatabase":
		return "DESCRIBE on the database"
	case "CreateTable":
		return "CREATE_TABLE on the database and data location access to the lake"
	case "UpdateTable":
		return "ALTER on the table"
	case "BatchCreatePartition", "BatchUpdatePartition":
		return "ALTER and INSERT on the table and data location access to the lake"
	case "BatchDeletePartition":
		return "ALTER and DELETE on the table"
	}
	return "DESCRIBE and SELECT on the tables (Glue also denies a table that does not exist if the identity cannot create it)"
}
