//! What both ways of restoring an instance have in common: its name, what is sent, what a look means, what comes after
//! the restore, and taking it away.

use crate::connect::Aws;
use crate::errors::{Call, classify};
use crate::rds::describe::{is_set, setting};
use crate::rds::like_source::{LATER, Likeness, Role, likeness, roles};
use crate::rds::states::{USABLE, hint};
use crate::rds::take_away::{self, Backups, DELETE, accepted};
use crate::rds::{KIND, MADE, made, settings, spec};
use lifeboat_engine::action::{
    Accepted, ActionError, ErrorKind, Note, Observation, Place, Stage, StepContext, UndoObservation, Values,
};
use lifeboat_engine::lookout::{Seen, Watch};
use lifeboat_engine::name::Charset;
use lifeboat_runbook::spec::{ActionSpec, Resource};
use lifeboat_runbook::value::Value;
use std::collections::BTreeMap;

/// The longest identifier of a DB instance.
const LONGEST_NAME: usize = 63;

/// The state in which RDS loads the storage of what was restored.
const LOADING: &str = "storage-initialization";

/// The mutation after the restore: settings that a restore does not take.
pub(crate) const SETTINGS: &str = "settings";

/// The mutations after that, one for each feature that has an IAM role: its name follows.
const ROLE: &str = "role ";

/// The last mutation: a reboot, where static parameters are not in force.
pub(crate) const REBOOT: &str = "reboot";

/// The name that is given, or one made from runbook, run and step.
pub(crate) fn names(cx: &StepContext) -> BTreeMap<String, String> {
    let name = cx.text("instance").map(str::to_lowercase);
    let name = name.unwrap_or_else(|| cx.name(LONGEST_NAME, Charset::LowerHyphen));
    BTreeMap::from([("instance".to_owned(), name)])
}

pub(crate) fn name(cx: &StepContext) -> &str {
    cx.prepared.names.get("instance").map_or("", String::as_str)
}

/// The source as it was captured.
pub(crate) fn source(cx: &StepContext) -> Values {
    match cx.prepared.captured.get("source") {
        Some(Value::Map(source)) => source.clone(),
        _ => Values::new(),
    }
}

/// What the new instance shall be like.
pub(crate) fn like(cx: &StepContext) -> Likeness {
    likeness(&source(cx), &cx.with, cx.mode)
}

/// Takes out of the source what AWS would refuse by now; gives what people should know of that.
pub(crate) async fn adjust(aws: &Aws, cx: &StepContext, source: &mut Values) -> Vec<String> {
    let Some(name) = setting(source, "ca_certificate").and_then(Value::as_str).map(str::to_owned) else {
        return Vec::new();
    };
    let reply = aws.rds(&cx.place.region).describe_certificates().send().await;
    let offered = match &reply {
        Ok(reply) => reply.certificates().iter().any(|it| it.certificate_identifier() == Some(&name)),
        // Advice only: where it cannot be had, the restore itself will tell.
        Err(_) => true,
    };
    if offered {
        return Vec::new();
    }
    if let Some(Value::Map(settings)) = source.get_mut("settings") {
        settings.remove("ca_certificate");
    }
    vec![format!("the certificate authority {name} is not offered any more; the copy gets AWS's default")]
}

/// Sets everything of a likeness on a request to restore; both requests have the same setters.
macro_rules! dress {
    ($call:expr, $like:expr) => {{
        let (call, like) = ($call, $like);
        let list = |items: Vec<String>| if items.is_empty() { None } else { Some(items) };
        let features = |features: Vec<(String, String)>| {
            let feature = |(name, value)| {
                aws_sdk_rds::types::ProcessorFeature::builder().name(name).value(value).build()
            };
            let features: Vec<_> = features.into_iter().map(feature).collect();
            if features.is_empty() { None } else { Some(features) }
        };
        call.set_db_instance_class(like.class)
            .set_availability_zone(like.availability_zone)
            .set_multi_az(like.multi_az)
            .set_db_subnet_group_name(like.subnet_group)
            .set_vpc_security_group_ids(list(like.security_groups))
            .set_db_parameter_group_name(like.parameter_group)
            .set_option_group_name(like.option_group)
            .set_license_model(like.license_model)
            .set_auto_minor_version_upgrade(like.auto_minor_version_upgrade)
            .set_network_type(like.network_type)
            .set_storage_type(like.storage_type)
            .set_iops(like.iops)
            .set_storage_throughput(like.storage_throughput)
            .set_port(like.port)
            .set_publicly_accessible(like.publicly_accessible)
            .set_ca_certificate_identifier(like.ca_certificate)
            .set_enable_iam_database_authentication(like.iam_authentication)
            .set_enable_cloudwatch_logs_exports(list(like.log_exports))
            .set_deletion_protection(like.deletion_protection)
            .set_backup_retention_period(like.backup_retention_days)
            .set_preferred_backup_window(like.backup_window)
            .set_copy_tags_to_snapshot(like.copy_tags_to_snapshot)
            .set_engine_lifecycle_support(like.engine_lifecycle_support)
            .set_dedicated_log_volume(like.dedicated_log_volume)
            .set_enable_customer_owned_ip(like.customer_owned_ip)
            .set_processor_features(features(like.processor_features))
    }};
}
pub(crate) use dress;

/// Journals that it was made.
pub(crate) fn made(cx: &StepContext, arn: Option<&str>) -> Result<(), ActionError> {
    let Place { account, region } = cx.place.clone();
    let (kind, id, arn) = (KIND.to_owned(), name(cx).to_owned(), arn.map(str::to_owned));
    cx.note(Note::Created(Resource { kind, id, account, region, arn }))
}

/// A name that is taken may be ours: a look tells. A time that is refused has moved since it was read.
pub(crate) fn refine(error: ActionError) -> ActionError {
    match error.code.as_str() {
        "DBInstanceAlreadyExists" => ActionError { kind: ErrorKind::Unknown, ..error },
        "InvalidRestoreFault" => {
            error.hint("it cannot be restored so; look at the source's latest restorable time")
        }
        _ => error,
    }
}

/// The mutations after the restore itself.
pub(crate) async fn finish(aws: &Aws, cx: &StepContext, stage: &Stage) -> Result<Accepted, ActionError> {
    let client = aws.rds(&cx.place.region);
    if stage.as_str() == REBOOT {
        let call = client.reboot_db_instance().db_instance_identifier(name(cx));
        call.send().await.map_err(|error| classify(error, Call::Mutation))?;
        return accepted(cx, "RebootDBInstance");
    }
    if let Some(feature) = stage.as_str().strip_prefix(ROLE) {
        return add_role(aws, cx, feature).await;
    }
    let call = client.modify_db_instance().db_instance_identifier(name(cx)).apply_immediately(true);
    let call = settings::apply(call, &like(cx).later);
    call.send().await.map_err(|error| classify(error, Call::Mutation))?;
    accepted(cx, "ModifyDBInstance")
}

/// Gives the copy the source's role for a feature.
async fn add_role(aws: &Aws, cx: &StepContext, feature: &str) -> Result<Accepted, ActionError> {
    let Some(role) = like(cx).roles.into_iter().find(|role| role.feature == feature) else {
        return Ok(Accepted::default());
    };
    let call = aws.rds(&cx.place.region).add_role_to_db_instance();
    let call = call.db_instance_identifier(name(cx)).role_arn(role.role).feature_name(feature);
    match call.send().await.map_err(|error| classify(error, Call::Mutation)) {
        Ok(_) => accepted(cx, "AddRoleToDBInstance"),
        // By a call whose reply was lost.
        Err(error) if error.code.starts_with("DBInstanceRoleAlreadyExists") => Ok(Accepted::default()),
        Err(error) => Err(error),
    }
}

pub(crate) async fn undo(aws: &Aws, cx: &StepContext, stage: &Stage) -> Result<(), ActionError> {
    let backups = Backups { final_snapshot: None, delete_automated: true };
    let now = made::name_now(aws, cx, name(cx)).await?;
    take_away::act(aws, cx, &now, stage, &backups).await.map(drop)
}

/// By its tags: whoever has renamed it has not deleted it.
pub(crate) fn watch_undo(cx: &StepContext) -> Option<Watch> {
    Some(Watch { kind: MADE, place: cx.place.clone(), id: made::id(cx, name(cx)) })
}

pub(crate) fn watch(cx: &StepContext) -> Option<Watch> {
    Some(Watch { kind: KIND, place: cx.place.clone(), id: name(cx).to_owned() })
}

pub(crate) fn judge(cx: &StepContext, spec: &ActionSpec, seen: &Seen) -> Observation {
    let state = seen.state.clone().unwrap_or_default();
    match seen.exists {
        false if cx.recorded.states_seen.is_empty() => Observation::Absent,
        false => Observation::Broken {
            state: "gone".to_owned(),
            hint: Some("something outside deleted it".to_owned()),
        },
        true if !cx.is_ours(&seen.tags) => {
            let why = format!("there is a DB instance `{}` that this run did not make", seen.id);
            Observation::Foreign { why }
        }
        true if spec::FAILURE_STATES.contains(&state.as_str()) => {
            Observation::Broken { hint: hint(&state), state }
        }
        true => how_far(cx, spec, seen, state),
    }
}

/// The readinesses that a look shows. That storage is loaded is known only where AWS said that it was being loaded.
pub(crate) fn reached(cx: &StepContext, seen: &Seen) -> Vec<&'static str> {
    let state = seen.state.as_deref().unwrap_or_default();
    let is_ours = seen.exists && cx.is_ours(&seen.tags);
    let usable = is_ours && is_usable(seen, state);
    let available = usable && state == "available" && is_finished(cx, seen);
    let hydrated = usable && is_hydrated(cx, state);
    let all = [("usable", usable), ("available", available), ("hydrated", hydrated)];
    all.into_iter().filter(|(_, reached)| *reached).map(|(name, _)| name).collect()
}

/// Whether nothing of what comes after the restore is missing any more.
fn is_finished(cx: &StepContext, seen: &Seen) -> bool {
    let like = like(cx);
    let there = roles(setting(&seen.attributes, "associated_roles"));
    let has = |role: &Role| there.iter().any(|it| it.feature == role.feature && it.status != "PENDING");
    !is_set(&seen.attributes, "pending")
        && !is_set(&seen.attributes, "parameters_wait_for_reboot")
        && settings::missing(&seen.attributes, &like.later).is_empty()
        && like.roles.iter().all(has)
}

/// Whether its storage was seen being loaded, and is not any more.
fn is_hydrated(cx: &StepContext, state: &str) -> bool {
    let loading = cx.recorded.states_seen.iter().any(|seen| seen == LOADING);
    loading && state != LOADING
}

/// How far something of ours has come that has not failed.
fn how_far(cx: &StepContext, spec: &ActionSpec, seen: &Seen, state: String) -> Observation {
    if !is_usable(seen, &state) {
        return Observation::InProgress { state };
    }
    let readiness = cx.readiness(spec);
    if readiness == "usable" {
        return Observation::Ready(outputs(cx, seen));
    }
    // RDS takes changes of what is `available` only.
    if state != "available" || is_set(&seen.attributes, "pending") {
        return Observation::InProgress { state };
    }
    if !settings::missing(&seen.attributes, &like(cx).later).is_empty() {
        return next(cx, SETTINGS);
    }
    let there = roles(setting(&seen.attributes, "associated_roles"));
    let is_there = |role: &&Role| there.iter().any(|it| it.feature == role.feature);
    if let Some(role) = like(cx).roles.iter().find(|role| !is_there(role)) {
        return next(cx, &format!("{ROLE}{}", role.feature));
    }
    if there.iter().any(|role| role.status == "PENDING") {
        return Observation::InProgress { state };
    }
    if is_set(&seen.attributes, "parameters_wait_for_reboot") {
        return next(cx, REBOOT);
    }
    match readiness == "hydrated" && !is_hydrated(cx, &state) {
        true => Observation::InProgress { state },
        false => Observation::Ready(outputs(cx, seen)),
    }
}

/// A later mutation, once: after it was accepted it comes about by itself.
fn next(cx: &StepContext, stage: &str) -> Observation {
    match cx.recorded.accepted.iter().any(|(accepted, ..)| accepted.as_str() == stage) {
        true => Observation::InProgress { state: stage.to_owned() },
        false => Observation::Next(Stage::named(stage)),
    }
}

/// Whether it takes connections.
pub(crate) fn is_usable(seen: &Seen, state: &str) -> bool {
    USABLE.contains(&state) && setting(&seen.attributes, "endpoint").is_some()
}

pub(crate) fn judge_undo(cx: &StepContext, seen: &Seen) -> UndoObservation {
    if !seen.exists {
        return UndoObservation::Gone;
    }
    if !cx.is_ours(&seen.tags) {
        return UndoObservation::Failed { why: format!("`{}` does not carry the tags of this run", seen.id) };
    }
    let asked = cx.recorded.undo_accepted.iter().any(|stage| stage.as_str() == DELETE);
    match (take_away::is_going(seen) || asked, take_away::is_protected(seen)) {
        (true, _) => UndoObservation::InProgress { state: seen.state.clone().unwrap_or_default() },
        (false, true) => UndoObservation::Next(Stage::first()),
        (false, false) => UndoObservation::Next(Stage::named(DELETE)),
    }
}

fn outputs(cx: &StepContext, seen: &Seen) -> Values {
    let mut outputs = seen.attributes.clone();
    outputs.remove("settings");
    outputs.extend(cx.prepared.resolved.clone().into_iter().map(|(name, value)| match name.as_str() {
        "time" => ("data_time".to_owned(), value),
        _ => (name, value),
    }));
    let like = like(cx);
    let missing = settings::missing(&seen.attributes, &like.later);
    let later = LATER.iter().filter(|(name, _)| missing.contains_key(*name));
    let later = later.map(|(_, words)| format!("{words} (`wait: {{ for: available }}` sets it)"));
    let there = roles(setting(&seen.attributes, "associated_roles"));
    let roles = like.roles.iter().filter_map(|role| lacking_role(role, &there));
    let lacks = later.chain(roles).chain(like.not_restored).map(Value::from).collect();
    outputs.insert("not_restored".to_owned(), Value::List(lacks));
    outputs
}

/// What is wrong with a role that the source has, if anything.
fn lacking_role(role: &Role, there: &[Role]) -> Option<String> {
    let Role { role: arn, feature, .. } = role;
    match there.iter().find(|it| it.feature == *feature).map(|it| it.status.as_str()) {
        None => Some(format!("the IAM role {arn} for {feature} (`wait: {{ for: available }}` adds it)")),
        Some("INVALID") => Some(format!("the IAM role {arn} for {feature}: RDS cannot assume it")),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rds::testing::{context, now};

    const SPEC: &ActionSpec = &spec::RESTORE_FROM_SNAPSHOT;

    fn waiting(wait_for: Option<&str>, states_seen: &[&str]) -> StepContext {
        StepContext { wait_for: wait_for.map(str::to_owned), ..context(states_seen) }
    }

    fn seen(state: &str, endpoint: bool, cx: &StepContext) -> Seen {
        let endpoint = if endpoint { Value::from("copy.example") } else { Value::Null };
        let settings = Value::Map(BTreeMap::from([("pending".to_owned(), Value::Bool(false))]));
        Seen {
            exists: true,
            state: Some(state.to_owned()),
            tags: cx.tags(),
            attributes: BTreeMap::from([
                ("endpoint".to_owned(), endpoint),
                ("settings".to_owned(), settings),
            ]),
            ..Seen::absent("copy")
        }
    }

    fn with_setting(mut seen: Seen, name: &str, value: Value) -> Seen {
        if let Some(Value::Map(settings)) = seen.attributes.get_mut("settings") {
            settings.insert(name.to_owned(), value);
        }
        seen
    }

    #[test]
    fn every_state_is_judged() {
        for (wait_for, state, endpoint, word) in [
            (None, "creating", false, "in progress"),
            (None, "available", false, "in progress"),
            (None, "available", true, "ready"),
            (None, "backing-up", true, "ready"),
            (None, "storage-optimization", true, "ready"),
            (None, "modifying", true, "in progress"),
            (None, "a-state-nobody-knows", true, "in progress"),
            (Some("available"), "backing-up", true, "in progress"),
            (Some("available"), "available", true, "ready"),
            (Some("hydrated"), "available", true, "in progress"),
        ] {
            let cx = waiting(wait_for, &["creating"]);
            let judged = match judge(&cx, SPEC, &seen(state, endpoint, &cx)) {
                Observation::Ready(_) => "ready",
                Observation::InProgress { .. } => "in progress",
                other => panic!("{state}: {other:?}"),
            };
            assert_eq!(judged, word, "{wait_for:?} {state} {endpoint}");
        }
        let hydrated = waiting(Some("hydrated"), &["creating", "storage-initialization"]);
        let observation = judge(&hydrated, SPEC, &seen("available", true, &hydrated));
        assert!(matches!(observation, Observation::Ready(_)), "{observation:?}");
        for state in spec::FAILURE_STATES {
            let cx = waiting(None, &["creating"]);
            let observation = judge(&cx, SPEC, &seen(state, true, &cx));
            assert!(matches!(observation, Observation::Broken { .. }), "{state}: {observation:?}");
        }
    }

    #[test]
    fn absent_gone_and_foreign_are_told_apart() {
        let fresh = waiting(None, &[]);
        assert_eq!(judge(&fresh, SPEC, &Seen::absent("copy")), Observation::Absent);
        let known = waiting(None, &["creating"]);
        assert!(matches!(judge(&known, SPEC, &Seen::absent("copy")), Observation::Broken { .. }));
        let mut other = known.clone();
        other.attempt = 2;
        let foreign = seen("available", true, &other);
        assert!(matches!(judge(&known, SPEC, &foreign), Observation::Foreign { .. }));
        assert!(matches!(judge_undo(&known, &foreign), UndoObservation::Failed { .. }));
    }

    #[test]
    fn undo_takes_protection_off_first_and_asks_once() {
        let mut cx = waiting(None, &["creating"]);
        let mut protected = seen("available", true, &cx);
        protected.attributes.insert("deletion_protection".to_owned(), true.into());
        assert_eq!(judge_undo(&cx, &protected), UndoObservation::Next(Stage::first()));
        let open = seen("available", true, &cx);
        assert_eq!(judge_undo(&cx, &open), UndoObservation::Next(Stage::named(DELETE)));
        cx.recorded.undo_accepted.push(Stage::named(DELETE));
        assert!(matches!(judge_undo(&cx, &open), UndoObservation::InProgress { .. }));
        assert_eq!(judge_undo(&cx, &Seen::absent("copy")), UndoObservation::Gone);
    }

    #[test]
    fn available_means_the_later_settings_and_a_reboot_too_and_usable_does_not() {
        let insights = Value::Map(BTreeMap::from([("performance_insights".to_owned(), Value::Bool(true))]));
        let source = Value::Map(BTreeMap::from([("settings".to_owned(), insights)]));
        let mut cx = waiting(Some("available"), &["creating"]);
        cx.prepared.captured.insert("source".to_owned(), source);
        let bare = with_setting(seen("available", true, &cx), "parameters_wait_for_reboot", true.into());
        assert_eq!(judge(&cx, SPEC, &bare), Observation::Next(Stage::named(SETTINGS)));
        cx.recorded.accepted.push((Stage::named(SETTINGS), now(), Values::new()));
        assert!(matches!(judge(&cx, SPEC, &bare), Observation::InProgress { .. }), "asked once");
        let set = with_setting(bare.clone(), "performance_insights", true.into());
        assert_eq!(judge(&cx, SPEC, &set), Observation::Next(Stage::named(REBOOT)));
        cx.recorded.accepted.push((Stage::named(REBOOT), now(), Values::new()));
        assert!(matches!(judge(&cx, SPEC, &set), Observation::InProgress { .. }));
        let whole = with_setting(set, "parameters_wait_for_reboot", false.into());
        let lacks = |observation| match observation {
            Observation::Ready(outputs) => outputs["not_restored"].to_string(),
            other => panic!("{other:?}"),
        };
        assert!(!lacks(judge(&cx, SPEC, &whole)).contains("Performance Insights"));
        cx.wait_for = None;
        assert!(
            lacks(judge(&cx, SPEC, &bare)).contains("Performance Insights"),
            "usable lacks it and says so"
        );
    }
    #[test]
    fn readinesses_are_told_apart_and_what_no_look_shows_is_unknown() {
        for (states, state, endpoint, names) in [
            (vec!["creating"], "creating", false, vec![]),
            (vec!["creating"], "backing-up", true, vec!["usable"]),
            (vec!["creating"], "storage-initialization", true, vec!["usable"]),
            (vec!["creating"], "available", true, vec!["usable", "available"]),
            (vec!["creating", LOADING], "available", true, vec!["usable", "available", "hydrated"]),
        ] {
            let cx = waiting(None, &states);
            assert_eq!(reached(&cx, &seen(state, endpoint, &cx)), names, "{states:?} {state}");
        }
        let cx = waiting(None, &["creating"]);
        let early = with_setting(seen("available", true, &cx), "parameters_wait_for_reboot", true.into());
        assert_eq!(reached(&cx, &early), ["usable"], "it is not as it shall be");
        let mut other = cx.clone();
        other.attempt = 2;
        assert!(reached(&cx, &seen("available", true, &other)).is_empty(), "somebody else's");
    }

    #[test]
    fn each_role_of_the_source_is_added_once_and_waited_for() {
        let role = |feature: &str, status: &str| {
            let role = [("role", "arn:aws:iam::1:role/x"), ("feature", feature), ("status", status)];
            Value::Map(role.map(|(name, text)| (name.to_owned(), text.into())).into())
        };
        let two = Value::List(vec![role("s3Export", "ACTIVE"), role("s3Import", "ACTIVE")]);
        let settings = Value::Map(BTreeMap::from([("associated_roles".to_owned(), two)]));
        let mut cx = waiting(Some("available"), &["creating"]);
        let source = Value::Map(BTreeMap::from([("settings".to_owned(), settings)]));
        cx.prepared.captured.insert("source".to_owned(), source);
        let with_roles = |roles: Vec<Value>, cx: &StepContext| {
            with_setting(seen("available", true, cx), "associated_roles", Value::List(roles))
        };
        let bare = with_roles(vec![], &cx);
        assert_eq!(judge(&cx, SPEC, &bare), Observation::Next(Stage::named("role s3Export")));
        let one = with_roles(vec![role("s3Export", "PENDING")], &cx);
        assert_eq!(judge(&cx, SPEC, &one), Observation::Next(Stage::named("role s3Import")));
        let pending = with_roles(vec![role("s3Export", "ACTIVE"), role("s3Import", "PENDING")], &cx);
        assert!(matches!(judge(&cx, SPEC, &pending), Observation::InProgress { .. }));
        let lacks = |observation| match observation {
            Observation::Ready(outputs) => outputs["not_restored"].to_string(),
            other => panic!("{other:?}"),
        };
        let done = with_roles(vec![role("s3Export", "ACTIVE"), role("s3Import", "INVALID")], &cx);
        let lacking = lacks(judge(&cx, SPEC, &done));
        assert!(
            lacking.contains("s3Import: RDS cannot assume it") && !lacking.contains("s3Export"),
            "{lacking}"
        );
        cx.wait_for = None;
        assert!(lacks(judge(&cx, SPEC, &bare)).contains("s3Export (`wait"), "usable lacks them and says so");
    }
}
