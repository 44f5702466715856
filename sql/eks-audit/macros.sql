-- Returns api_activity's activity_id: 1 Create, 2 Read, 3 Update, 4 Delete, 99 Other.
CREATE MACRO verb_activity(v) AS CASE
  WHEN v = 'create' THEN 1
  WHEN v IN ('get', 'list', 'watch') THEN 2
  WHEN v IN ('update', 'patch') THEN 3
  WHEN v IN ('delete', 'deletecollection') THEN 4
  ELSE 99 END;

-- Returns the image of a container with the name of its first volume, as Security Lake does: nginx-kube-api-access-x2b4d, or nginx- without one.
CREATE MACRO image_uid(c) AS c.image || '-' || coalesce(c.volumeMounts[1].name, '');

-- Returns containers of a pod.
CREATE MACRO containers_of(cs) AS list_transform(cs, lambda c: {'name': c.name,
  'image': {'name': c.image, 'uid': image_uid(c), 'path': c.volumeMounts[1].mountPath}});

-- Returns an observable, or NULL if it has no value.
CREATE MACRO observed(path, kind, v) AS CASE WHEN v != '' THEN {'name': path, 'type_id': kind, 'value': v} END;

-- Returns an account number. Other texts cannot be a folder of the lake.
CREATE MACRO account_number(t) AS CASE WHEN regexp_full_match(t, '[0-9]{12}') THEN t END;
