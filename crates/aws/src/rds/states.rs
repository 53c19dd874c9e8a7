//! What the states of a DB instance mean (catalogue §3).

/// States in which an instance with an endpoint takes connections: *rds-usable*.
pub(crate) const USABLE: [&str; 8] = [
    "available",
    "backing-up",
    "storage-optimization",
    "storage-initialization",
    "storage-config-upgrade",
    "configuring-enhanced-monitoring",
    "configuring-iam-database-auth",
    "configuring-log-exports",
];

/// Whether a look shows an instance that takes connections.
#[cfg(feature = "backup")]
pub(crate) fn is_usable(seen: &lifeboat_engine::lookout::Seen) -> bool {
    let text = |name: &str| seen.attributes.get(name).and_then(lifeboat_runbook::value::Value::as_str);
    text("endpoint").is_some() && text("status").is_some_and(|status| USABLE.contains(&status))
}

/// What to do about a state in which an instance has failed.
pub(crate) fn hint(state: &str) -> Option<String> {
    let hint = match state {
        "incompatible-network" => {
            "the subnet group or a security group is gone, or the subnets have no free addresses"
        }
        "incompatible-parameters" => {
            "the parameter group does not fit the class; name another with parameter_group"
        }
        "incompatible-option-group" => {
            "the option group does not fit the engine; name another with option_group"
        }
        "insufficient-capacity" => "AWS has none of this class in the zone now; name another class or zone",
        "inaccessible-encryption-credentials" | "inaccessible-encryption-credentials-recoverable" => {
            "the KMS key is disabled, deleted, or may not be used by RDS"
        }
        "stopped" => "something outside stopped it: a scheduler that goes by tags?",
        "storage-full" => "its storage is full; restore with more",
        _ => return None,
    };
    Some(hint.to_owned())
}
