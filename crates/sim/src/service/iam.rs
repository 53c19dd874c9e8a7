//! IAM: what principals may do, as the world file has it.

use super::{Answer, Context, Operation, Protocol, Service};
use crate::definition::{PolicyDefinition, WorldDefinition};
use crate::protocol::{ApiError, Xml};
use crate::world::World;

pub(super) static SERVICE: Service = Service {
    name: "iam",
    protocol: Protocol::Query { namespace: "https://iam.amazonaws.com/doc/2010-05-08/" },
    operations: &[Operation::read("SimulatePrincipalPolicy", simulate_principal_policy)],
};

fn simulate_principal_policy(world: &World, context: &Context<'_>) -> Answer {
    let principal = context.params.required("PolicySourceArn")?;
    let definition = &world.definition;
    let is_known = definition.accounts.iter().any(|account| {
        account.roles.iter().any(|role| role == principal)
            || principal_of(&account.caller.arn).as_deref() == Some(principal)
    });
    if !is_known {
        let message = format!("Can not find entity {principal}");
        return Err(ApiError::not_found("NoSuchEntity", message));
    }
    let (actions, mut resources) = (context.params.list("ActionNames"), context.params.list("ResourceArns"));
    if resources.is_empty() {
        resources.push("*".to_owned());
    }
    let policy = policy_of(definition, principal);
    let pairs: Vec<(&String, &String)> =
        actions.iter().flat_map(|action| resources.iter().map(move |resource| (action, resource))).collect();
    let results = pairs.into_iter().fold(Xml::new(), |results, (action, resource)| {
        let result = Xml::new()
            .text("EvalActionName", action)
            .text("EvalResourceName", resource)
            .text("EvalDecision", decision(policy, action));
        results.nest("member", result)
    });
    Ok(Xml::new().text("IsTruncated", false).nest("EvaluationResults", results))
}

/// In the words of the API.
fn decision(policy: Option<&PolicyDefinition>, action: &str) -> &'static str {
    let Some(PolicyDefinition { allowed, denied }) = policy else { return "allowed" };
    let named = |patterns: &[String]| patterns.iter().any(|pattern| matches(pattern, action));
    match (named(denied), allowed.as_deref().is_none_or(named)) {
        (true, _) => "explicitDeny",
        (false, true) => "allowed",
        (false, false) => "implicitDeny",
    }
}

/// Whether a pattern with stars is like an action; upper and lower case are one.
fn matches(pattern: &str, action: &str) -> bool {
    let (pattern, action) = (pattern.to_ascii_lowercase(), action.to_ascii_lowercase());
    let mut pieces = pattern.split('*');
    let Some(mut rest) = pieces.next().and_then(|first| action.strip_prefix(first)) else { return false };
    let pieces: Vec<&str> = pieces.collect();
    let Some((last, middle)) = pieces.split_last() else { return rest.is_empty() };
    for piece in middle {
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// The principal behind a caller: the role of a session, or the user itself.
fn principal_of(caller: &str) -> Option<String> {
    let Some((account, session)) = caller.split_once(":assumed-role/") else {
        return Some(caller.to_owned());
    };
    let role = session.split('/').next()?;
    Some(format!("{}:role/{role}", account.replacen(":sts:", ":iam:", 1)))
}

fn policy_of<'a>(definition: &'a WorldDefinition, principal: &str) -> Option<&'a PolicyDefinition> {
    definition.accounts.iter().find_map(|account| account.policies.get(principal))
}

/// The refusal of a call that the caller's policy does not permit. Asking who one is needs no permission.
pub(super) fn refusal(
    definition: &WorldDefinition,
    service: &str,
    operation: &str,
    caller: &str,
) -> Option<String> {
    // The only service whose actions have another name than its signatures.
    let prefix = if service == "monitoring" { "cloudwatch" } else { service };
    let action = format!("{prefix}:{operation}");
    if action == "sts:GetCallerIdentity" {
        return None;
    }
    let why = match decision(policy_of(definition, &principal_of(caller)?), &action) {
        "allowed" => return None,
        "explicitDeny" => "with an explicit deny in an identity-based policy",
        _ => "because no identity-based policy allows the action",
    };
    Some(format!("User: {caller} is not authorized to perform: {action} {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, action, fits) in [
            ("rds:*", "rds:CreateDBSnapshot", true),
            ("rds:Describe*", "rds:DescribeDBInstances", true),
            ("rds:Describe*", "rds:DeleteDBInstance", false),
            ("*", "ssm:PutParameter", true),
            ("rds:*snapshot", "rds:CreateDBSnapshot", true),
            ("rds:*snapshot", "rds:DescribeDBSnapshots", false),
            ("sts:AssumeRole", "sts:AssumeRole", true),
            ("sts:AssumeRole", "sts:AssumeRoleWithSAML", false),
            ("rds:C*DB*t", "rds:CreateDBSnapshot", true),
        ] {
            assert_eq!(matches(pattern, action), fits, "{pattern} {action}");
        }
    }
}
