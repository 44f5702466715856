-- The kind of a sign-in, in the words of signInEventTypes: by the category of a diagnostic record, else by what Graph says.
CREATE MACRO entra_kind(category, types, interactive, user_id, principal) AS CASE
  WHEN category = 'SignInLogs' THEN CASE WHEN interactive IS FALSE THEN 'nonInteractiveUser' ELSE 'interactiveUser' END
  WHEN category = 'NonInteractiveUserSignInLogs' THEN 'nonInteractiveUser'
  WHEN category IN ('ServicePrincipalSignInLogs', 'MicrosoftServicePrincipalSignInLogs') THEN 'servicePrincipal'
  WHEN category = 'ManagedIdentitySignInLogs' THEN 'managedIdentity'
  WHEN len(types) > 0 THEN types[1]
  WHEN user_id IS NULL AND principal IS NOT NULL THEN 'servicePrincipal'
  WHEN interactive THEN 'interactiveUser' WHEN interactive IS FALSE THEN 'nonInteractiveUser' END;
CREATE MACRO entra_is_app(kind) AS coalesce(kind IN ('servicePrincipal', 'managedIdentity'), FALSE);

-- The code of the result. resultType is a number as text, or a word.
CREATE MACRO entra_code(error_code, result_type) AS coalesce(error_code, TRY_CAST(result_type AS INTEGER));
CREATE MACRO entra_status(code, result_type) AS CASE
  WHEN code = 0 THEN 1
  WHEN code IN (50058, 50072, 50074, 50125, 50140, 50168, 50199) THEN 99 -- Interrupted
  WHEN code IS NOT NULL THEN 2
  WHEN lower(result_type) = 'success' THEN 1 WHEN lower(result_type) = 'failure' THEN 2
  ELSE 0 END;

-- Whether several factors were used: NULL if it is not known.
CREATE MACRO entra_mfa(status_id, requirement, details, method) AS CASE
  WHEN status_id <> 1 THEN NULL
  WHEN regexp_matches(details, '^MFA (?:completed|requirement satisfied)') OR method IS NOT NULL THEN TRUE
  WHEN starts_with(details, 'MFA requirement skipped') THEN NULL
  WHEN requirement = 'multiFactorAuthentication' THEN TRUE
  WHEN requirement = 'singleFactorAuthentication' THEN FALSE END;

-- os.type_id of a name such as Windows 10, Windows10, Ios 16.6, MacOs, Android.
CREATE MACRO entra_os(name) AS CASE
  WHEN name IS NULL THEN NULL
  WHEN regexp_matches(name, '(?i)^windows ?phone|^windows mobile') THEN 101
  WHEN regexp_matches(name, '(?i)^windows') THEN 100
  WHEN regexp_matches(name, '(?i)^android') THEN 201
  WHEN regexp_matches(name, '(?i)^linux') THEN 200
  WHEN regexp_matches(name, '(?i)^mac') THEN 300
  WHEN regexp_matches(name, '(?i)^ios') THEN 301
  WHEN regexp_matches(name, '(?i)^ipad') THEN 302
  ELSE 0 END;
