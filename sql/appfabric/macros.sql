-- A value of the event's user if the event names a user, otherwise the same value of the actor.
CREATE MACRO user_or_actor(v, name, uid, email, actor) AS CASE WHEN nullif(name, '') IS NULL AND nullif(uid, '') IS NULL AND nullif(email, '') IS NULL THEN actor ELSE v END;
