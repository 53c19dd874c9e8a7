//! STS: who calls, and becoming somebody else.

use chrono::TimeDelta;

use super::{Answer, Context, Operation, Protocol, Service};
use crate::definition::Caller;
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

fn assume_role(world: &mut World, context: &Context<'_>) -> Answer {
    let (role, name) = (context.params.required("RoleArn")?, context.params.required("RoleSessionName")?);
    let account =
        world.definition.accounts.iter().find(|account| account.roles.iter().any(|known| known == role));
    let Some(account) = account.map(|account| account.id.clone()) else {
        let message = format!(
            "User: {} is not authorized to perform: sts:AssumeRole on resource: {role}",
            context.caller.arn
        );
        return Err(ApiError { status: 403, ..ApiError::new("AccessDenied", message) });
    };
    let role_name = role.rsplit('/').next().unwrap_or(role);
    let arn = format!("arn:aws:sts::{account}:assumed-role/{role_name}/{name}");
    let role_id = format!("AROA{}", world.chance.id(&["role", role], 16));
    let user_id = format!("{role_id}:{name}");
    let access_key = format!("ASIA{}", world.chance.id(&["session", &arn, &world.now.to_rfc3339()], 16));
    // Role chaining limits a session to one hour; the simulator gives that to all (STS API reference, AssumeRole).
    let expires_at = world.now + TimeDelta::hours(1);
    let credentials = Xml::new()
        .text("AccessKeyId", &access_key)
        .text("SecretAccessKey", world.chance.id(&["secret", &access_key], 40))
        .text("SessionToken", world.chance.id(&["token", &access_key], 52))
        .time("Expiration", expires_at);
    let user = Xml::new().text("AssumedRoleId", &user_id).text("Arn", &arn);
    world.sessions.insert(access_key, Session { account, caller: Caller { arn, user_id }, expires_at });
    Ok(Xml::new().nest("Credentials", credentials).nest("AssumedRoleUser", user))
}
