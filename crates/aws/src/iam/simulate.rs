//! Whether a principal is permitted what a run needs, as IAM simulates it.

use super::query;
use crate::connect::Aws;
use lifeboat_engine::action::ActionError;
use std::collections::BTreeSet;

/// Actions that are asked for on the same resources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// By their names in IAM.
    pub actions: BTreeSet<String>,
    /// ARNs, or patterns of them as they stand in a policy.
    pub resources: BTreeSet<String>,
    /// What conditions look at: keys and values.
    pub context: Vec<(String, Vec<String>)>,
}

/// An action that is not permitted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Denied {
    /// By its name in IAM.
    pub action: String,
    /// On what.
    pub resource: String,
    /// Whether a policy denies it; else none permits it.
    pub is_explicit: bool,
}

/// The principal behind a caller, whose policies are asked: the role of a session, or the user
/// (<https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html>). A session does not tell
/// the path of its role; one without is meant.
pub fn principal(caller: &str) -> Option<String> {
    let mut parts = caller.splitn(6, ':');
    let (partition, service) = (parts.nth(1)?, parts.next()?);
    let (account, resource) = (parts.nth(1)?, parts.next()?);
    match (service, resource.split('/').collect::<Vec<_>>().as_slice()) {
        ("sts", ["assumed-role", role, _]) => Some(format!("arn:{partition}:iam::{account}:role/{role}")),
        ("iam", ["user" | "role", ..]) => Some(caller.to_owned()),
        _ => None,
    }
}

/// What of all this the principal is not permitted. IAM looks at its policies, not at those of resources, nor at what the
/// organization forbids.
///
/// # Errors
/// When IAM may not be asked, or does not answer.
pub async fn simulate(
    aws: &Aws,
    region: &str,
    principal: &str,
    questions: &[Question],
) -> Result<BTreeSet<Denied>, ActionError> {
    let mut denied = BTreeSet::new();
    for question in questions {
        let mut marker = None;
        loop {
            let parameters = parameters(principal, question, marker.as_deref());
            let reply = query::ask(aws, region, "SimulatePrincipalPolicy", &parameters).await?;
            let elements = query::elements(&reply);
            denied.extend(denials(&elements));
            marker = elements.into_iter().find(|(path, _)| path.ends_with("Result/Marker")).map(|it| it.1);
            if marker.is_none() {
                break;
            }
        }
    }
    Ok(denied)
}

fn parameters(principal: &str, question: &Question, marker: Option<&str>) -> Vec<(String, String)> {
    let Question { actions, resources, context } = question;
    let member = |list: &str, at: usize| format!("{list}.member.{at}");
    let mut parameters = vec![("PolicySourceArn".to_owned(), principal.to_owned())];
    parameters.extend(marker.map(|marker| ("Marker".to_owned(), marker.to_owned())));
    for (list, texts) in [("ActionNames", actions), ("ResourceArns", resources)] {
        parameters.extend((1..).zip(texts).map(|(at, text)| (member(list, at), text.clone())));
    }
    for (at, (key, values)) in (1..).zip(context) {
        let entry = member("ContextEntries", at);
        let kind = if values.len() == 1 { "string" } else { "stringList" };
        parameters.push((format!("{entry}.ContextKeyName"), key.clone()));
        parameters.push((format!("{entry}.ContextKeyType"), kind.to_owned()));
        let values = (1..).zip(values);
        let values =
            values.map(|(at, value)| (format!("{entry}.ContextKeyValues.member.{at}"), value.clone()));
        parameters.extend(values);
    }
    parameters
}

/// The results that are no permission.
fn denials(elements: &[(String, String)]) -> Vec<Denied> {
    const RESULT: &str = "EvaluationResults/member";
    let (mut denied, mut action, mut resource, mut decision) = (Vec::new(), "", "", "");
    for (path, text) in elements {
        let Some((_, name)) = path.rsplit_once(RESULT) else { continue };
        match name {
            "/EvalActionName" => action = text,
            "/EvalResourceName" => resource = text,
            "/EvalDecision" => decision = text,
            "" if decision != "allowed" => denied.push(Denied {
                action: action.to_owned(),
                resource: resource.to_owned(),
                is_explicit: decision == "explicitDeny",
            }),
            _ => {}
        }
    }
    denied
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_policies_are_asked() {
        let of = |caller: &str| principal(caller);
        let role = "arn:aws:iam::111122223333:role/lifeboat-drill";
        assert_eq!(of("arn:aws:sts::111122223333:assumed-role/lifeboat-drill/alice").as_deref(), Some(role));
        let user = "arn:aws-cn:iam::111122223333:user/dr/bob";
        assert_eq!(of(user).as_deref(), Some(user));
        assert_eq!(of("arn:aws:iam::111122223333:root"), None, "a root user has no policies");
        assert_eq!(of("nonsense"), None);
    }

    #[test]
    fn what_is_not_allowed_is_denied() {
        let result = |action: &str, decision: &str| {
            format!(
                "<member><EvalActionName>{action}</EvalActionName><EvalResourceName>*</EvalResourceName>\
                 <EvalDecision>{decision}</EvalDecision><ResourceSpecificResults><member>\
                 <EvalResourceName>x</EvalResourceName></member></ResourceSpecificResults></member>"
            )
        };
        let results = ["allowed", "implicitDeny", "explicitDeny"].map(|decision| result(decision, decision));
        let text = format!("<R><EvaluationResults>{}</EvaluationResults></R>", results.concat());
        let denied = denials(&query::elements(&text));
        let denied: Vec<_> =
            denied.iter().map(|it| (it.action.as_str(), it.resource.as_str(), it.is_explicit)).collect();
        assert_eq!(denied, [("implicitDeny", "*", false), ("explicitDeny", "*", true)]);
    }
}
