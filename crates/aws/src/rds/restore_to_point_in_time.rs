//! `rds.restore_to_point_in_time`.

use crate::connect::Aws;
use crate::errors::{Call, classify};
use crate::rds::like_source::{Likeness, likeness};
use crate::rds::states::{USABLE, hint};
use crate::rds::take_away::{self, Backups, DELETE};
use crate::rds::{KIND, describe, instances, spec};
use async_trait::async_trait;
use aws_sdk_rds::operation::restore_db_instance_to_point_in_time::builders::RestoreDBInstanceToPointInTimeFluentBuilder as Restore;
use aws_sdk_rds::types::{Filter, Tag};
use aws_smithy_types::DateTime as SdkTime;
use chrono::{DateTime, TimeDelta, Utc};
use lifeboat_engine::action::{
    Accepted, Action, ActionError, ErrorKind, Note, Observation, Place, Prepared, Stage, StepContext,
    UndoObservation, Values,
};
use lifeboat_engine::lookout::{Seen, Watch};
use lifeboat_engine::name::Charset;
use lifeboat_runbook::spec::{ActionSpec, Grade, Resource};
use lifeboat_runbook::units;
use lifeboat_runbook::value::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The longest identifier of a DB instance.
const LONGEST_NAME: usize = 63;

/// After this, `leftovers` may offer it for deletion.
const EXPIRES_AFTER: TimeDelta = TimeDelta::hours(24);

/// `rds.restore_to_point_in_time`.
pub struct RestoreToPointInTime(pub(crate) Arc<Aws>);

#[async_trait]
impl Action for RestoreToPointInTime {
    fn spec(&self) -> &'static ActionSpec {
        &spec::RESTORE_TO_POINT_IN_TIME
    }

    async fn prepare(&self, cx: &StepContext) -> Result<Prepared, ActionError> {
        let source = self.source(cx).await?;
        let time = restore_time(cx, &source)?;
        let name = match cx.text("instance") {
            Some(given) => given.to_lowercase(),
            None => cx.name(LONGEST_NAME, Charset::LowerHyphen),
        };
        Ok(Prepared {
            names: BTreeMap::from([("instance".to_owned(), name)]),
            token: cx.token(),
            resolved: BTreeMap::from([("time".to_owned(), time.into())]),
            captured: BTreeMap::from([("source".to_owned(), Value::Map(source))]),
            findings: Vec::new(),
        })
    }

    async fn act(&self, cx: &StepContext, _: &Stage) -> Result<Accepted, ActionError> {
        let time = resolved_time(cx)?;
        let source = captured_source(cx);
        let call =
            identify_source(self.0.rds(&cx.place.region).restore_db_instance_to_point_in_time(), cx, &source);
        let call = call
            .target_db_instance_identifier(name(cx))
            .restore_time(SdkTime::from_millis(time.timestamp_millis()))
            .set_tags(Some(tags(cx)));
        let call = dress(call, likeness(&source, &cx.with, cx.mode));
        let reply = call.send().await.map_err(|error| refine(classify(error, Call::Mutation)))?;
        let Place { account, region } = cx.place.clone();
        let arn = reply.db_instance().and_then(|instance| instance.db_instance_arn()).map(str::to_owned);
        let resource = Resource { kind: KIND.to_owned(), id: name(cx).to_owned(), account, region, arn };
        cx.note(Note::Created(resource))?;
        cx.note(Note::DataTime {
            at: time,
            grade: Grade::B,
            source: "the RestoreTime that was sent".to_owned(),
        })?;
        take_away::accepted(cx, "RestoreDBInstanceToPointInTime")
    }

    async fn observe(&self, _: &StepContext) -> Result<Observation, ActionError> {
        Ok(Observation::Unknown)
    }

    async fn undo(&self, cx: &StepContext, stage: &Stage) -> Result<(), ActionError> {
        let backups = Backups { final_snapshot: None, delete_automated: true };
        take_away::act(&self.0, cx, name(cx), stage, &backups).await.map(drop)
    }

    fn watches(&self, cx: &StepContext) -> Option<Watch> {
        Some(Watch { kind: KIND, place: cx.place.clone(), id: name(cx).to_owned() })
    }

    fn judge(&self, cx: &StepContext, seen: &Seen) -> Observation {
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
            true if is_ready(cx, self.spec(), seen, &state) => Observation::Ready(outputs(cx, seen)),
            true => Observation::InProgress { state },
        }
    }

    fn judge_undo(&self, cx: &StepContext, seen: &Seen) -> UndoObservation {
        if !seen.exists {
            return UndoObservation::Gone;
        }
        if !cx.is_ours(&seen.tags) {
            return UndoObservation::Failed {
                why: format!("`{}` does not carry the tags of this run", seen.id),
            };
        }
        let asked = cx.recorded.undo_accepted.iter().any(|stage| stage.as_str() == DELETE);
        match (take_away::is_going(seen) || asked, take_away::is_protected(seen)) {
            (true, _) => UndoObservation::InProgress { state: seen.state.clone().unwrap_or_default() },
            (false, true) => UndoObservation::Next(Stage::first()),
            (false, false) => UndoObservation::Next(Stage::named(DELETE)),
        }
    }
}

impl RestoreToPointInTime {
    /// What is known of the source, by identifier, resource id, or the ARN of its automated backup. Where the source
    /// itself is gone, its automated backup says what it can.
    async fn source(&self, cx: &StepContext) -> Result<Values, ActionError> {
        let id = cx.required("source")?;
        let seen = match id {
            _ if id.starts_with("arn:") => Seen::absent(id),
            _ if id.starts_with("db-") => self.by_resource_id(cx, id).await?,
            _ => instances::look_at(&self.0, &cx.place, id).await?,
        };
        if seen.exists {
            return Ok(seen.attributes);
        }
        self.backup(cx, id).await?.ok_or_else(|| {
            ActionError::refused(
                "DBInstanceNotFound",
                format!("there is no DB instance `{id}`, and no backup of one"),
            )
            .hint("look at the name, the account and the Region")
        })
    }

    async fn by_resource_id(&self, cx: &StepContext, id: &str) -> Result<Seen, ActionError> {
        let filter = Filter::builder().name("dbi-resource-id").values(id).build();
        let call = self.0.rds(&cx.place.region).describe_db_instances().filters(filter);
        let reply = call.send().await.map_err(|error| classify(error, Call::Read))?;
        Ok(reply.db_instances().first().map_or_else(|| Seen::absent(id), describe::seen))
    }

    async fn backup(&self, cx: &StepContext, id: &str) -> Result<Option<Values>, ActionError> {
        let call = self.0.rds(&cx.place.region).describe_db_instance_automated_backups();
        let call = match id {
            _ if id.starts_with("arn:") => call.db_instance_automated_backups_arn(id),
            _ if id.starts_with("db-") => call.dbi_resource_id(id),
            _ => call.db_instance_identifier(id),
        };
        let reply = match call.send().await.map_err(|error| classify(error, Call::Read)) {
            Ok(reply) => reply,
            Err(error) if error.code.contains("NotFound") => return Ok(None),
            Err(error) => return Err(error),
        };
        let Some(backup) = reply.db_instance_automated_backups().first() else { return Ok(None) };
        let latest = backup.restore_window().and_then(|window| window.latest_time());
        let latest = latest.and_then(|time| DateTime::from_timestamp_millis(time.to_millis().ok()?));
        let values = [
            ("backup_arn", backup.db_instance_automated_backups_arn().into()),
            ("resource_id", backup.dbi_resource_id().into()),
            ("engine", backup.engine().into()),
            ("latest_restorable_time", latest.into()),
            ("storage_type", backup.storage_type().into()),
            ("allocated_storage_gib", backup.allocated_storage().into()),
        ];
        Ok(Some(values.into_iter().map(|(name, value): (&str, Value)| (name.to_owned(), value)).collect()))
    }
}

fn name(cx: &StepContext) -> &str {
    cx.prepared.names.get("instance").map_or("", String::as_str)
}

/// The source as it was captured, with the times of the journal's JSON as text.
fn captured_source(cx: &StepContext) -> Values {
    match cx.prepared.captured.get("source") {
        Some(Value::Map(source)) => source.clone(),
        _ => Values::new(),
    }
}

/// What `time` means: whole seconds, and before the latest restorable time, as the service's model demands.
fn restore_time(cx: &StepContext, source: &Values) -> Result<DateTime<Utc>, ActionError> {
    let latest = source.get("latest_restorable_time").and_then(Value::as_time).ok_or_else(|| {
        ActionError::refused("PointInTimeRestoreNotEnabled", "the source has no time it can be restored to")
            .hint("automated backups are off, or the first one is not done")
    })?;
    let newest = whole_seconds(latest) - TimeDelta::seconds(1);
    let asked = match cx.with.get("time") {
        Some(Value::Time(time)) => whole_seconds(*time),
        Some(Value::Duration(before)) => whole_seconds(cx.run_started_at + *before),
        _ => return Ok(newest),
    };
    if asked > newest {
        let (asked, latest) = (units::time_text(asked), units::time_text(latest));
        return Err(ActionError::refused(
            "InvalidRestoreTime",
            format!("{asked} cannot be restored: the latest restorable time is {latest}"),
        )
        .hint("an earlier time, or `latest`"));
    }
    Ok(asked)
}

fn whole_seconds(time: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp(time.timestamp(), 0).unwrap_or(time)
}

/// The time as resolved: a time, or its text where it was read back from the journal.
fn resolved_time(cx: &StepContext) -> Result<DateTime<Utc>, ActionError> {
    match cx.prepared.resolved.get("time") {
        Some(Value::Time(time)) => Some(*time),
        Some(Value::String(text)) => units::parse_time(text),
        _ => None,
    }
    .ok_or_else(|| ActionError::failed("prepared", "the journal does not say which time was resolved"))
}

fn identify_source(call: Restore, cx: &StepContext, source: &Values) -> Restore {
    let id = cx.text("source").unwrap_or_default();
    match source.get("backup_arn").and_then(Value::as_str) {
        Some(arn) => call.source_db_instance_automated_backups_arn(arn),
        None if id.starts_with("db-") => call.source_dbi_resource_id(id),
        None => call.source_db_instance_identifier(id),
    }
}

fn tags(cx: &StepContext) -> Vec<Tag> {
    let mut tags = cx.tags();
    tags.insert("lifeboat:expires".to_owned(), units::time_text(cx.now + EXPIRES_AFTER));
    if let Some(Value::Map(given)) = cx.with.get("tags") {
        let given = given.iter().map(|(key, value)| (key.clone(), value.to_string()));
        tags = given.chain(tags).collect();
    }
    tags.into_iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}

fn dress(call: Restore, like: Likeness) -> Restore {
    let list = |items: Vec<String>| if items.is_empty() { None } else { Some(items) };
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
        .set_max_allocated_storage(like.max_allocated_storage)
        .set_port(like.port)
        .set_publicly_accessible(like.publicly_accessible)
        .set_ca_certificate_identifier(like.ca_certificate)
        .set_enable_iam_database_authentication(like.iam_authentication)
        .set_enable_cloudwatch_logs_exports(list(like.log_exports))
        .set_deletion_protection(like.deletion_protection)
        .set_backup_retention_period(like.backup_retention_days)
        .set_preferred_backup_window(like.backup_window)
        .set_copy_tags_to_snapshot(like.copy_tags_to_snapshot)
}

/// A name that is taken may be ours: a look tells. A time that is refused has moved since it was read.
fn refine(error: ActionError) -> ActionError {
    match error.code.as_str() {
        "DBInstanceAlreadyExists" => ActionError { kind: ErrorKind::Unknown, ..error },
        "InvalidRestoreFault" => {
            error.hint("the time cannot be restored; look at the source's latest restorable time")
        }
        _ => error,
    }
}

fn is_ready(cx: &StepContext, spec: &ActionSpec, seen: &Seen, state: &str) -> bool {
    let has_endpoint = seen.attributes.get("endpoint").is_some_and(|endpoint| !endpoint.is_null());
    let usable = USABLE.contains(&state) && has_endpoint;
    let pending =
        seen.attributes.get("settings").and_then(|settings| settings.get("pending")).and_then(Value::as_bool);
    let settled = usable && state == "available" && pending != Some(true);
    match cx.readiness(spec) {
        "available" => settled,
        "hydrated" => settled && cx.recorded.states_seen.iter().any(|seen| seen == "storage-initialization"),
        _ => usable,
    }
}

fn outputs(cx: &StepContext, seen: &Seen) -> Values {
    let mut outputs = seen.attributes.clone();
    outputs.remove("settings");
    if let Some(time) = cx.prepared.resolved.get("time") {
        outputs.insert("data_time".to_owned(), time.clone());
    }
    let lacks = likeness(&captured_source(cx), &cx.with, cx.mode).not_restored;
    outputs.insert("not_restored".to_owned(), Value::List(lacks.into_iter().map(Value::from).collect()));
    outputs
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_smithy_runtime_api::client::http::{HttpClient, HttpConnectorSettings, SharedHttpConnector};
    use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
    use lifeboat_engine::action::{Notes, Recorded};
    use lifeboat_runbook::id::{RunId, StepPath};
    use lifeboat_runbook::plan::Mode;

    /// Judging asks nobody: a client that is asked is a mistake.
    #[derive(Debug)]
    struct Nobody;

    impl HttpClient for Nobody {
        fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
            panic!("a judgement made a call")
        }
    }

    struct Silent;

    impl Notes for Silent {
        fn note(&self, _: &StepPath, _: u32, _: Note) -> Result<(), ActionError> {
            Ok(())
        }
    }

    fn action() -> RestoreToPointInTime {
        RestoreToPointInTime(Arc::new(Aws::simulated(Nobody, now)))
    }

    fn now() -> DateTime<Utc> {
        units::parse_time("2026-01-05T09:00:00Z").unwrap()
    }

    fn cx(wait_for: Option<&str>, states_seen: &[&str]) -> StepContext {
        StepContext {
            run: RunId::new("k3v7qa2mxyz4567b"),
            runbook: "book".into(),
            path: StepPath::new("restore"),
            attempt: 1,
            effect: Some(lifeboat_runbook::spec::Effect::Create),
            mode: Mode::Drill,
            place: Place { account: "111122223333".into(), region: "eu-west-1".into() },
            with: Values::new(),
            wait_for: wait_for.map(str::to_owned),
            run_started_at: now(),
            prepared: Prepared::default(),
            recorded: Recorded {
                states_seen: states_seen.iter().map(|state| (*state).to_owned()).collect(),
                ..Recorded::default()
            },
            now: now(),
            notes: Arc::new(Silent),
        }
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

    #[test]
    fn every_state_is_judged() {
        let action = action();
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
            let cx = cx(wait_for, &["creating"]);
            let judged = match action.judge(&cx, &seen(state, endpoint, &cx)) {
                Observation::Ready(_) => "ready",
                Observation::InProgress { .. } => "in progress",
                other => panic!("{state}: {other:?}"),
            };
            assert_eq!(judged, word, "{wait_for:?} {state} {endpoint}");
        }
        let hydrated = cx(Some("hydrated"), &["creating", "storage-initialization"]);
        let observation = action.judge(&hydrated, &seen("available", true, &hydrated));
        assert!(matches!(observation, Observation::Ready(_)), "{observation:?}");
        for state in spec::FAILURE_STATES {
            let cx = cx(None, &["creating"]);
            let observation = action.judge(&cx, &seen(state, true, &cx));
            assert!(matches!(observation, Observation::Broken { .. }), "{state}: {observation:?}");
        }
    }

    #[test]
    fn absent_gone_and_foreign_are_told_apart() {
        let action = action();
        let fresh = cx(None, &[]);
        assert_eq!(action.judge(&fresh, &Seen::absent("copy")), Observation::Absent);
        let known = cx(None, &["creating"]);
        assert!(matches!(action.judge(&known, &Seen::absent("copy")), Observation::Broken { .. }));
        let mut other = known.clone();
        other.attempt = 2;
        assert!(matches!(
            action.judge(&known, &seen("available", true, &other)),
            Observation::Foreign { .. }
        ));
        assert!(matches!(
            action.judge_undo(&known, &seen("available", true, &other)),
            UndoObservation::Failed { .. }
        ));
    }

    #[test]
    fn undo_takes_protection_off_first_and_asks_once() {
        let action = action();
        let mut cx = cx(None, &["creating"]);
        let mut protected = seen("available", true, &cx);
        protected.attributes.insert("deletion_protection".to_owned(), true.into());
        assert_eq!(action.judge_undo(&cx, &protected), UndoObservation::Next(Stage::first()));
        let open = seen("available", true, &cx);
        assert_eq!(action.judge_undo(&cx, &open), UndoObservation::Next(Stage::named(DELETE)));
        cx.recorded.undo_accepted.push(Stage::named(DELETE));
        assert!(matches!(action.judge_undo(&cx, &open), UndoObservation::InProgress { .. }));
        assert_eq!(action.judge_undo(&cx, &Seen::absent("copy")), UndoObservation::Gone);
    }

    #[test]
    fn a_time_is_whole_seconds_before_the_latest() {
        let latest = units::parse_time("2026-01-05T08:57:31.400Z").unwrap();
        let source = BTreeMap::from([("latest_restorable_time".to_owned(), Value::Time(latest))]);
        for (asked, resolved) in [
            (Value::from("latest"), Some("2026-01-05T08:57:30.000Z")),
            (Value::Duration(TimeDelta::minutes(-40)), Some("2026-01-05T08:20:00.000Z")),
            (
                Value::Time(units::parse_time("2026-01-05T08:00:00.900Z").unwrap()),
                Some("2026-01-05T08:00:00.000Z"),
            ),
            (Value::Time(units::parse_time("2026-01-05T08:58:00Z").unwrap()), None),
        ] {
            let mut cx = cx(None, &[]);
            cx.with.insert("time".to_owned(), asked.clone());
            let time = restore_time(&cx, &source).ok().map(units::time_text);
            assert_eq!(time.as_deref(), resolved, "{asked}");
        }
        assert!(restore_time(&cx(None, &[]), &Values::new()).is_err(), "without backups there is no time");
    }
}
