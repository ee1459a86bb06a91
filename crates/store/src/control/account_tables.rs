//! Users, tokens, log-ins and the audit log in the file.

use event::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::accounts::{
    Accounts, AuditEntry, AuditOutcome, Login, Role, SecretDigest, SecretText, Token, User,
};
use super::file::{Control, Failure, at_most, cut, has_room, maybe_time, no_such_value, time};
use crate::error::StoreError;
use crate::page::{Cursor, List, Page, Paged};
use crate::steps::SECOND;

impl Accounts for Control {
    fn setup_token(&self) -> Result<Option<SecretDigest>, StoreError> {
        self.read(setup_token)
    }

    fn set_setup_token(&self, token: SecretDigest) -> Result<(), StoreError> {
        self.transact(|connection| {
            connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO setup
                     SELECT 1, ? WHERE NOT EXISTS (SELECT 1 FROM users)",
                )?
                .execute([token.0])?;
            Ok(())
        })
    }

    fn set_up(&self, token: SecretDigest, user: &User) -> Result<bool, StoreError> {
        at_most("length of a name", user.name.len(), User::MAX_NAME_LEN)?;
        self.transact(|connection| {
            let count: i64 =
                connection.query_row("SELECT count(*) FROM users", [], |row| row.get(0))?;
            if count > 0 || setup_token(connection)? != Some(token) {
                return Ok(false);
            }
            insert_user(connection, user)?;
            connection.execute("DELETE FROM setup", [])?;
            Ok(true)
        })
    }

    fn users(&self) -> Result<Vec<User>, StoreError> {
        self.read(|connection| {
            let mut read = connection.prepare_cached(&format!("{SELECT_USERS} ORDER BY name"))?;
            read.query_map([], user)?.collect()
        })
    }

    fn user(&self, name: &str) -> Result<Option<User>, StoreError> {
        self.read(|connection| {
            let mut read = connection.prepare_cached(&format!("{SELECT_USERS} WHERE name = ?"))?;
            read.query_row([name], user).optional()
        })
    }

    fn add_user(&self, user: &User) -> Result<(), StoreError> {
        at_most("length of a name", user.name.len(), User::MAX_NAME_LEN)?;
        self.transact(|connection| {
            has_room(connection, "users", "users", User::MAX_COUNT)?;
            insert_user(connection, user)?;
            connection.execute("DELETE FROM setup", [])?;
            Ok(())
        })
    }

    fn change_user(
        &self,
        name: &str,
        role: Option<Role>,
        password: Option<&SecretText>,
    ) -> Result<(), StoreError> {
        self.transact(|connection| {
            let changed = connection
                .prepare_cached(
                    "UPDATE users SET role = coalesce(?, role), password = coalesce(?, password)
                     WHERE name = ?",
                )?
                .execute(params![
                    role.map(role_code),
                    password.map(SecretText::dangerous_text),
                    name
                ])?;
            end_logins(connection, name, changed)
        })
    }

    fn remove_user(&self, name: &str) -> Result<(), StoreError> {
        self.transact(|connection| {
            let removed =
                connection.prepare_cached("DELETE FROM users WHERE name = ?")?.execute([name])?;
            end_logins(connection, name, removed)
        })
    }

    fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        self.read(|connection| {
            let mut read =
                connection.prepare_cached(&format!("{SELECT_TOKENS} ORDER BY created, id"))?;
            read.query_map([], token)?.collect()
        })
    }

    fn token(&self, digest: SecretDigest) -> Result<Option<Token>, StoreError> {
        self.read(|connection| {
            let mut read =
                connection.prepare_cached(&format!("{SELECT_TOKENS} WHERE digest = ?"))?;
            read.query_row([digest.0], token).optional()
        })
    }

    fn add_token(&self, token: &Token, digest: SecretDigest) -> Result<(), StoreError> {
        at_most("length of a name", token.name.len(), User::MAX_NAME_LEN)?;
        at_most("length of an id", token.id.len(), User::MAX_NAME_LEN)?;
        self.transact(|connection| {
            has_room(connection, "tokens", "tokens", Token::MAX_COUNT)?;
            let added = connection
                .prepare_cached(
                    "INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                )?
                .execute(params![
                    token.id,
                    digest.0,
                    token.name,
                    role_code(token.role),
                    token.created.as_nanos(),
                    token.expires.map(Timestamp::as_nanos),
                    token.last_used.map(Timestamp::as_nanos),
                ])?;
            if added == 0 {
                return Err(StoreError::Exists { what: "token", name: token.id.clone() }.into());
            }
            Ok(())
        })
    }

    fn touch_token(&self, id: &str, now: Timestamp) -> Result<(), StoreError> {
        let (now, every) = (now.as_nanos(), self.touch_nanos());
        let is_stale = self.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT 1 FROM tokens
                     WHERE id = ?2 AND coalesce(last_used, ?1 - ?3) <= ?1 - ?3",
                )?
                .exists(params![now, id, every])
        })?;
        if !is_stale {
            return Ok(());
        }
        self.transact(|connection| {
            connection
                .prepare_cached(
                    "UPDATE tokens SET last_used = ?1
                     WHERE id = ?2 AND coalesce(last_used, ?1 - ?3) <= ?1 - ?3",
                )?
                .execute(params![now, id, every])?;
            Ok(())
        })
    }

    fn remove_token(&self, id: &str) -> Result<bool, StoreError> {
        self.transact(|connection| {
            let mut remove = connection.prepare_cached("DELETE FROM tokens WHERE id = ?")?;
            Ok(remove.execute([id])? > 0)
        })
    }

    fn add_login(&self, login: &Login) -> Result<(), StoreError> {
        let created = login.created.as_nanos();
        self.transact(|connection| {
            let known = connection
                .prepare_cached("UPDATE users SET last_login = ? WHERE name = ?")?
                .execute(params![created, login.user])?;
            if known == 0 {
                return Err(StoreError::Missing { what: "user", name: login.user.clone() }.into());
            }
            connection
                .prepare_cached("INSERT OR REPLACE INTO logins VALUES (?, ?, ?, ?, ?)")?
                .execute(params![
                    login.cookie.0,
                    login.user,
                    login.csrf.dangerous_text(),
                    created,
                    login.last_used.as_nanos(),
                ])?;
            let kept = i64::try_from(Login::MAX_COUNT_OF_USER).unwrap_or(i64::MAX);
            connection
                .prepare_cached(
                    "DELETE FROM logins WHERE cookie IN (SELECT cookie FROM logins
                     WHERE user = ? ORDER BY created DESC, cookie LIMIT -1 OFFSET ?)",
                )?
                .execute(params![login.user, kept])?;
            Ok(())
        })
    }

    fn login(&self, cookie: SecretDigest) -> Result<Option<(Login, User)>, StoreError> {
        self.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT name, role, password, users.created, last_login,
                     csrf, logins.created, last_used
                     FROM logins JOIN users ON users.name = logins.user WHERE cookie = ?",
                )?
                .query_row([cookie.0], |row| {
                    let user = user(row)?;
                    let login = Login {
                        cookie,
                        user: user.name.clone(),
                        csrf: SecretText::new(row.get(5)?),
                        created: time(row, 6)?,
                        last_used: time(row, 7)?,
                    };
                    Ok((login, user))
                })
                .optional()
        })
    }

    fn touch_login(&self, cookie: SecretDigest, now: Timestamp) -> Result<(), StoreError> {
        let (now, every) = (now.as_nanos(), self.touch_nanos());
        let is_stale = self.read(|connection| {
            connection
                .prepare_cached("SELECT 1 FROM logins WHERE cookie = ?2 AND last_used <= ?1 - ?3")?
                .exists(params![now, cookie.0, every])
        })?;
        if !is_stale {
            return Ok(());
        }
        self.transact(|connection| {
            connection
                .prepare_cached(
                    "UPDATE logins SET last_used = ?1 WHERE cookie = ?2 AND last_used <= ?1 - ?3",
                )?
                .execute(params![now, cookie.0, every])?;
            Ok(())
        })
    }

    fn remove_login(&self, cookie: SecretDigest) -> Result<bool, StoreError> {
        self.transact(|connection| {
            let mut remove = connection.prepare_cached("DELETE FROM logins WHERE cookie = ?")?;
            Ok(remove.execute([cookie.0])? > 0)
        })
    }

    fn remove_old_logins(
        &self,
        created_before: Timestamp,
        used_before: Timestamp,
    ) -> Result<u64, StoreError> {
        self.transact(|connection| {
            let removed = connection
                .prepare_cached("DELETE FROM logins WHERE created < ? OR last_used < ?")?
                .execute([created_before.as_nanos(), used_before.as_nanos()])?;
            Ok(removed as u64)
        })
    }

    fn append_audit(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        let text = |text: &'_ str| cut(text, AuditEntry::MAX_TEXT_LEN).to_owned();
        self.transact(|connection| {
            connection
                .prepare_cached(
                    "INSERT INTO audit (time, actor, action, target, address, outcome)
                     VALUES (?, ?, ?, ?, ?, ?)",
                )?
                .execute(params![
                    entry.time.as_nanos(),
                    text(&entry.actor),
                    text(&entry.action),
                    text(&entry.target),
                    text(&entry.address),
                    matches!(entry.outcome, AuditOutcome::Denied),
                ])?;
            let kept = i64::try_from(AuditEntry::MAX_COUNT).unwrap_or(i64::MAX);
            let last = connection.last_insert_rowid();
            connection
                .prepare_cached("DELETE FROM audit WHERE id <= ?")?
                .execute([last.saturating_sub(kept)])?;
            Ok(())
        })
    }

    fn audit(&self, page: Page) -> Result<Paged<AuditEntry>, StoreError> {
        let after = page.after(List::Audit)?.map_or(i64::MAX, |cursor| cursor.key);
        let limit = page.limit();
        let asked = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
        let mut rows = self.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT id, time, actor, action, target, address, outcome FROM audit
                     WHERE id < ? ORDER BY id DESC LIMIT ?",
                )?
                .query_map([after, asked], |row| Ok((row.get::<_, i64>(0)?, audit_entry(row)?)))?
                .collect::<rusqlite::Result<Vec<_>>>()
        })?;
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| has_more);
        let next = next.map(|(id, _)| Cursor { list: List::Audit, key: *id, id: [0; 16] });
        Ok(Paged { items: rows.into_iter().map(|(_, it)| it).collect(), next, total: None })
    }
}

impl Control {
    const fn touch_nanos(&self) -> i64 {
        if self.replica().is_some() { SHARED_TOUCH_NANOS } else { TOUCH_NANOS }
    }
}

fn setup_token(connection: &Connection) -> rusqlite::Result<Option<SecretDigest>> {
    connection
        .prepare_cached("SELECT digest FROM setup")?
        .query_row([], |row| row.get(0).map(SecretDigest))
        .optional()
}

fn insert_user(connection: &Connection, user: &User) -> Result<(), Failure> {
    let added = connection
        .prepare_cached("INSERT INTO users VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING")?
        .execute(params![
            user.name,
            role_code(user.role),
            user.password.dangerous_text(),
            user.created.as_nanos(),
            user.last_login.map(Timestamp::as_nanos),
        ])?;
    if added == 0 {
        return Err(StoreError::Exists { what: "user", name: user.name.clone() }.into());
    }
    Ok(())
}

/// Ends the log-ins of a user who was changed, if there was one and somebody is left who may everything.
fn end_logins(connection: &Connection, name: &str, changed: usize) -> Result<(), Failure> {
    if changed == 0 {
        return Err(StoreError::Missing { what: "user", name: name.to_owned() }.into());
    }
    let admins: i64 = connection
        .prepare_cached("SELECT count(*) FROM users WHERE role = ?")?
        .query_row([role_code(Role::Admin)], |row| row.get(0))?;
    if admins == 0 {
        return Err(StoreError::LastAdmin.into());
    }
    connection.prepare_cached("DELETE FROM logins WHERE user = ?")?.execute([name])?;
    Ok(())
}

fn user(row: &Row<'_>) -> rusqlite::Result<User> {
    Ok(User {
        name: row.get(0)?,
        role: role(row, 1)?,
        password: SecretText::new(row.get(2)?),
        created: time(row, 3)?,
        last_login: maybe_time(row, 4)?,
    })
}

fn token(row: &Row<'_>) -> rusqlite::Result<Token> {
    Ok(Token {
        id: row.get(0)?,
        name: row.get(1)?,
        role: role(row, 2)?,
        created: time(row, 3)?,
        expires: maybe_time(row, 4)?,
        last_used: maybe_time(row, 5)?,
    })
}

fn audit_entry(row: &Row<'_>) -> rusqlite::Result<AuditEntry> {
    let outcome = if row.get(6)? { AuditOutcome::Denied } else { AuditOutcome::Ok };
    Ok(AuditEntry {
        time: time(row, 1)?,
        actor: row.get(2)?,
        action: row.get(3)?,
        target: row.get(4)?,
        address: row.get(5)?,
        outcome,
    })
}

const fn role_code(role: Role) -> i64 {
    match role {
        Role::Viewer => 0,
        Role::Operator => 1,
        Role::Admin => 2,
    }
}

fn role(row: &Row<'_>, column: usize) -> rusqlite::Result<Role> {
    match row.get::<_, i64>(column)? {
        0 => Ok(Role::Viewer),
        1 => Ok(Role::Operator),
        2 => Ok(Role::Admin),
        other => Err(no_such_value(column, other)),
    }
}

const SELECT_USERS: &str = "SELECT name, role, password, created, last_login FROM users";

const SELECT_TOKENS: &str = "SELECT id, name, role, created, expires, last_used FROM tokens";

/// How exactly the last use is noted: a write for each request would be most of what is written.
const TOUCH_NANOS: i64 = 30 * SECOND;

/// The same where each write goes to all servers.
const SHARED_TOUCH_NANOS: i64 = 600 * SECOND;
