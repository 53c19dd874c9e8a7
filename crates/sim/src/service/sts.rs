//! STS: who calls, and becoming somebody else.

use chrono::TimeDelta;

use super::{Answer, Context, Operation, Protocol, Service};
use crate::definition::{Caller, TrustDefinition};
use crate::protocol::{ApiError, Xml};
use crate::world::{Session, World};

pub(super) static SERVICE: Service = Service {
    name: "sts",
    protocol: Protocol::Query { namespace: "https://sts.amazonaws.com/doc/2011-06-15/" },
    operations: &[
        Operation::change("AssumeRole", assume_role),
        Operation::read("GetCallerIdentity", get_caller_identity),
    ],
};

fn get_caller_identity(_: &World, context: &Context<'_>) -> Answer {
    let Caller { arn, user_id } = context.caller;
    Ok(Xml::new().text("Arn", arn).text("UserId", user_id).text("Account", &context.place.account))
}

/// 2 to 64 of `[\\w+=,.@-]`, as the STS API reference has it.
fn session_name(name: &str) -> Result<(), ApiError> {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "_+=,.@-".contains(letter);
    match (2..=64).contains(&name.len()) && name.chars().all(fits) {
        true => Ok(()),
        false => Err(ApiError::new(
            "ValidationError",
            format!(
                "1 validation error detected: Value '{name}' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*"
            ),
        )),
    }
}

fn denied(context: &Context<'_>, role: &str) -> ApiError {
    let message = format!(
        "User: {} is not authorized to perform: sts:AssumeRole on resource: {role}",
        context.caller.arn
    );
    ApiError { status: 403, ..ApiError::new("AccessDenied", message) }
}

/// An hour unless said, at most what the role allows, and never more than an hour for who is a role already: role
/// chaining (STS API reference, AssumeRole).
fn session_length(context: &Context<'_>, trust: &TrustDefinition) -> Result<TimeDelta, ApiError> {
    let refused = |message: &str| ApiError::new("ValidationError", message);
    let asked = match context.params.get("DurationSeconds") {
        None => 3600,
        Some(text) => text.parse().map_err(|_| refused("DurationSeconds must be a number"))?,
    };
    if !(900..=43_200).contains(&asked) {
        return Err(refused("DurationSeconds must be between 900 and 43200"));
    }
    if asked > 3600 && context.caller.arn.contains(":assumed-role/") {
        return Err(refused(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
        ));
    }
    if asked > i64::from(trust.max_session_s.unwrap_or(3600)) {
        return Err(refused(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ));
    }
    Ok(TimeDelta::seconds(asked))
}

fn assume_role(world: &mut World, context: &Context<'_>) -> Answer {
    let (role, name) = (context.params.required("RoleArn")?, context.params.required("RoleSessionName")?);
    session_name(name)?;
    let account =
        world.definition.accounts.iter().find(|account| account.roles.iter().any(|known| known == role));
    let Some(definition) = account.cloned() else { return Err(denied(context, role)) };
    let trust = definition.trust.get(role).cloned().unwrap_or_default();
    if trust.external_id.as_deref().is_some_and(|wanted| context.params.get("ExternalId") != Some(wanted)) {
        return Err(denied(context, role));
    }
    let length = session_length(context, &trust)?;
    let account = definition.id;
    let role_name = role.rsplit('/').next().unwrap_or(role);
    let arn = format!("arn:aws:sts::{account}:assumed-role/{role_name}/{name}");
    let role_id = format!("AROA{}", world.chance.id(&["role", role], 16));
    let user_id = format!("{role_id}:{name}");
    let access_key = format!("ASIA{}", world.chance.id(&["session", &arn, &world.now.to_rfc3339()], 16));
    let expires_at = world.now + length;
    let credentials = Xml::new()
        .text("AccessKeyId", &access_key)
        .text("SecretAccessKey", world.chance.id(&["secret", &access_key], 40))
        .text("SessionToken", world.chance.id(&["token", &access_key], 52))
        .time("Expiration", expires_at);
    let user = Xml::new().text("AssumedRoleId", &user_id).text("Arn", &arn);
    world.sessions.insert(access_key, Session { account, caller: Caller { arn, user_id }, expires_at });
    Ok(Xml::new().nest("Credentials", credentials).nest("AssumedRoleUser", user))
}
