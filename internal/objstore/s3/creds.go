package s3store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/silt-etl/silt/internal/objstore"
)

// credsTimeout bounds the search for credentials: without it a machine whose metadata address swallows packets would wait
// for every retry. A credential process that asks a person has to be done within it.
const credsTimeout = 20 * time.Second

// credsError marks a failure to get credentials, wherever in a request it shows.
type credsError struct {
	err  error
	role string // the role that could not be assumed; empty if there were no credentials to assume it with
}

func (e *credsError) Error() string { return e.err.Error() }
func (e *credsError) Unwrap() error { return e.err }

// markedCreds hands on another provider's credentials and marks its errors.
type markedCreds struct {
	from aws.CredentialsProvider
	role string
}

func (m markedCreds) Retrieve(ctx context.Context) (aws.Credentials, error) {
	creds, err := m.from.Retrieve(ctx)
	var inner *credsError
	if err != nil && !errors.As(err, &inner) {
		err = &credsError{err: err, role: m.role}
	}
	return creds, err
}

// findCredentials puts the credentials to use into awsConfig, having retrieved them once.
func (s *Store) findCredentials(ctx context.Context, awsConfig *aws.Config) error {
	awsConfig.Credentials = aws.NewCredentialsCache(markedCreds{from: awsConfig.Credentials})
	if s.cfg.RoleARN != "" {
		role := stscreds.NewAssumeRoleProvider(sts.NewFromConfig(*awsConfig), s.cfg.RoleARN, func(o *stscreds.AssumeRoleOptions) {
			o.RoleSessionName = "silt"
			if s.cfg.ExternalID != "" {
				o.ExternalID = aws.String(s.cfg.ExternalID)
			}
		})
		awsConfig.Credentials = aws.NewCredentialsCache(markedCreds{from: role, role: s.cfg.RoleARN}, func(o *aws.CredentialsCacheOptions) {
			o.ExpiryWindow = time.Minute // a request must not outlive what it was signed with
		})
	}
	limited, cancel := context.WithTimeout(ctx, credsTimeout)
	defer cancel()
	if _, err := awsConfig.Credentials.Retrieve(limited); err != nil {
		if ctx.Err() == nil && limited.Err() != nil {
			err = &credsError{err: fmt.Errorf("not found within %v", credsTimeout), role: s.cfg.RoleARN}
		}
		return s.fail("open", "", err)
	}
	return nil
}

// explainCreds describes a missing credential, or a role that cannot be assumed.
func explainCreds(creds *credsError) (cause error, try string) { //nolint:staticcheck // the cause is a value, and leads as in a sentence
	var api smithy.APIError
	isAPI := errors.As(creds.err, &api)
	if creds.role == "" {
		cause = objstore.ErrNoCreds
		if isAPI {
			cause = fmt.Errorf("%w: %s: %w", objstore.ErrNoCreds, api.ErrorCode(), oneLine(errors.New(api.ErrorMessage())))
		}
		return cause, "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, log in with aws sso login, or give the machine a role"
	}
	if !isAPI {
		return fmt.Errorf("%w: cannot assume %s: %w", objstore.ErrNoCreds, creds.role, innermost(creds.err)), "check the network to STS, or AWS_ENDPOINT_URL_STS"
	}
	sentinel := objstore.ErrNoCreds
	if api.ErrorCode() == "AccessDenied" {
		sentinel = objstore.ErrDenied
	}
	return fmt.Errorf("%w: cannot assume %s: %s: %w", sentinel, creds.role, api.ErrorCode(), oneLine(errors.New(api.ErrorMessage()))),
		"allow this identity sts:AssumeRole, and name it and the external_id in the role's trust policy"
}
