-- Returns whether an event is a login, or a step of one.
CREATE MACRO is_login(name, source) AS split_part(source, '.', 1) IN ('signin', 'sts', 'sso') AND name IN (
  'ConsoleLogin', 'ExternalIdPDirectoryLogin', 'UserAuthentication', 'AssumeRole', 'AssumeRoleWithSAML', 'AssumeRoleWithWebIdentity',
  'CheckMfa', 'CredentialChallenge', 'CredentialVerification');

-- Returns whether an event changes a user, a role, a group or what belongs to one of them.
CREATE MACRO is_account_change(name, source) AS split_part(source, '.', 1) IN ('iam', 'signin', 'account') AND name IN (
  'AccountNameUpdated', 'AddRoleToInstanceProfile', 'AddUserToGroup', 'AttachGroupPolicy', 'AttachRolePolicy', 'AttachUserPolicy',
  'ChangePassword', 'CreateAccessKey', 'CreateAccountAlias', 'CreateInstanceProfile', 'CreateLoginProfile', 'CreateRole',
  'CreateServiceLinkedRole', 'CreateUser', 'CreateVirtualMFADevice', 'DeactivateMFADevice', 'DeleteAccessKey', 'DeleteAccountAlias',
  'DeleteAccountPasswordPolicy', 'DeleteGroup', 'DeleteGroupPolicy', 'DeleteInstanceProfile', 'DeleteLoginProfile', 'DeletePolicy',
  'DeleteRole', 'DeleteRolePermissionsBoundary', 'DeleteRolePolicy', 'DeleteServiceLinkedRole', 'DeleteUser',
  'DeleteUserPermissionsBoundary', 'DeleteUserPolicy', 'DeleteVirtualMFADevice', 'DetachGroupPolicy', 'DetachRolePolicy',
  'DetachUserPolicy', 'EmailUpdated', 'EnableMFADevice', 'FinalizeSmsMfaRegistration', 'PasswordUpdated', 'PutGroupPolicy',
  'PutRolePermissionsBoundary', 'PutRolePolicy', 'PutUserPermissionsBoundary', 'PutUserPolicy', 'RemoveRoleFromInstanceProfile',
  'RemoveUserFromGroup', 'RequestSmsMfaRegistration', 'ResyncMFADevice', 'TagInstanceProfile', 'TagRole', 'TagUser',
  'UntagInstanceProfile', 'UntagRole', 'UntagUser', 'UpdateAccessKey', 'UpdateAccountEmailAddress', 'UpdateAccountName',
  'UpdateAccountPasswordPolicy', 'UpdateAssumeRolePolicy', 'UpdateGroup', 'UpdateLoginProfile', 'UpdateRole', 'UpdateRoleDescription',
  'UpdateUser');

-- Returns authentication's activity_id: 1 Logon, 99 Other for a step of a login.
CREATE MACRO login_activity(name) AS CASE WHEN name IN ('CheckMfa', 'CredentialChallenge', 'CredentialVerification') THEN 99 ELSE 1 END;

-- Returns account_change's activity_id: 1 Create, 3 Password Change, 4 Password Reset, 6 Delete, 7 Attach Policy, 8 Detach Policy,
-- 10 MFA Factor Enable, 11 MFA Factor Disable. A group or an instance profile gives its members policies.
CREATE MACRO account_activity(name) AS CASE
  WHEN name = 'EnableMFADevice' THEN 10
  WHEN name = 'DeactivateMFADevice' THEN 11
  WHEN name IN ('ChangePassword', 'PasswordUpdated') THEN 3
  WHEN name = 'UpdateLoginProfile' THEN 4
  WHEN name LIKE 'Create%' THEN 1
  WHEN name LIKE 'Attach%' OR name LIKE 'Put%' OR name LIKE 'Add%' THEN 7
  WHEN name LIKE 'Detach%' OR name LIKE 'Remove%' OR name LIKE 'Delete%PermissionsBoundary'
    OR name IN ('DeleteUserPolicy', 'DeleteRolePolicy', 'DeleteGroupPolicy') THEN 8
  WHEN name LIKE 'DeleteAccount%' THEN 99
  WHEN name LIKE 'Delete%' THEN 6
  ELSE 99 END;

-- Returns whether the user who calls is the one who is changed.
CREATE MACRO changes_caller(name) AS name IN ('ChangePassword', 'PasswordUpdated', 'EmailUpdated', 'AccountNameUpdated');

-- Returns the first word of an operation's name, which says what it does: Get of GetObject and of BatchGetItem.
CREATE MACRO verb_of(name) AS regexp_extract(name, '^(?:Batch|Bulk|Admin|Async|Transact)?([A-Z][a-z]+)', 1);

-- Returns api_activity's activity_id: 1 Create, 2 Read, 3 Update, 4 Delete, 99 Other.
CREATE MACRO verb_activity(verb, read_only) AS CASE
  WHEN verb IN ('Create', 'Run', 'Generate', 'Allocate', 'Import', 'Launch', 'Clone', 'Issue', 'Provision') THEN 1
  WHEN verb IN ('Get', 'List', 'Describe', 'Search', 'Lookup', 'Head', 'Query', 'Scan', 'Select', 'Download', 'View') THEN 2
  WHEN verb IN ('Update', 'Put', 'Modify', 'Add', 'Remove', 'Start', 'Stop', 'Attach', 'Detach', 'Associate', 'Disassociate', 'Tag', 'Untag',
    'Enable', 'Disable', 'Register', 'Deregister', 'Set', 'Change', 'Reboot', 'Reset', 'Restore', 'Replace', 'Authorize', 'Revoke',
    'Assign', 'Unassign', 'Apply', 'Write', 'Upload') THEN 3
  WHEN verb IN ('Delete', 'Terminate', 'Purge', 'Release') THEN 4
  WHEN read_only THEN 2
  ELSE 99 END;

-- Returns an observable, or NULL if it has no value.
CREATE MACRO observed(path, kind, v) AS CASE WHEN v != '' THEN {'name': path, 'type_id': kind, 'value': v} END;

-- Returns the observables that an event has, or NULL.
CREATE MACRO seen(observables) AS CASE WHEN len(list_filter(observables, lambda o: o IS NOT NULL)) > 0
  THEN list_filter(observables, lambda o: o IS NOT NULL) END;

-- Returns an account number. Other texts cannot be a folder of the lake.
CREATE MACRO account_number(t) AS CASE WHEN regexp_full_match(t, '[0-9]{12}') THEN t END;
