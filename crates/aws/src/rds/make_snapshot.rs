//! What making a snapshot and copying one have in common: names, tags, what a look means, taking it away.

use crate::connect::Aws;
use crate::errors::{Call, classify};
use crate::rds::snapshots::DATA_TIME_TAG;
use crate::rds::take_away::accepted;
use crate::rds::{SNAPSHOT, marks};
use aws_sdk_rds::types::Tag;
use lifeboat_engine::action::{
    Accepted, ActionError, ErrorKind, Note, Observation, Place, Stage, StepContext, UndoObservation,
};
use lifeboat_engine::lookout::{Seen, Watch};
use lifeboat_engine::name::Charset;
use lifeboat_runbook::plan::Mode;
use lifeboat_runbook::spec::{ActionSpec, Resource};
use lifeboat_runbook::value::Value;
use std::collections::BTreeMap;

/// The longest identifier of a DB snapshot.
const LONGEST_NAME: usize = 255;

/// The name that is given, or one made from runbook, run and step.
pub(crate) fn names(cx: &StepContext) -> BTreeMap<String, String> {
    let name = cx.text("snapshot").map(str::to_lowercase);
    let name = name.unwrap_or_else(|| cx.name(LONGEST_NAME, Charset::LowerHyphen));
    BTreeMap::from([("snapshot".to_owned(), name)])
}

pub(crate) fn name(cx: &StepContext) -> &str {
    cx.prepared.names.get("snapshot").map_or("", String::as_str)
}

/// Its tags; of a copy, with the time of its data, which a copy does not always keep.
pub(crate) fn tags(cx: &StepContext) -> Vec<Tag> {
    let data_time = cx.prepared.resolved.get("data_time").map(ToString::to_string);
    marks::tags(cx, data_time.map(|time| (DATA_TIME_TAG.to_owned(), time)))
}

pub(crate) fn made(cx: &StepContext, arn: Option<&str>, operation: &str) -> Result<Accepted, ActionError> {
    let Place { account, region } = cx.place.clone();
    let (kind, id, arn) = (SNAPSHOT.to_owned(), name(cx).to_owned(), arn.map(str::to_owned));
    cx.note(Note::Created(Resource { kind, id, account, region, arn }))?;
    accepted(cx, operation)
}

/// A name that is taken may be ours: a look tells.
pub(crate) fn refine(error: ActionError) -> ActionError {
    match error.code.as_str() {
        "DBSnapshotAlreadyExists" => ActionError { kind: ErrorKind::Unknown, ..error },
        _ => error,
    }
}

pub(crate) fn watch(cx: &StepContext) -> Option<Watch> {
    Some(Watch { kind: SNAPSHOT, place: cx.place.clone(), id: name(cx).to_owned() })
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
            let why = format!("there is a DB snapshot `{}` that this run did not make", seen.id);
            Observation::Foreign { why }
        }
        true if spec.failure_states.contains(&state.as_str()) => Observation::Broken { state, hint: None },
        true if state == "available" && is_whole(seen) => Observation::Ready(seen.attributes.clone()),
        true => Observation::InProgress { state },
    }
}

/// Whether all of it is there; where AWS does not say how much is, the state must do.
fn is_whole(seen: &Seen) -> bool {
    seen.attributes.get("percent").and_then(Value::as_int).is_none_or(|percent| percent >= 100)
}

pub(crate) fn judge_undo(cx: &StepContext, seen: &Seen) -> UndoObservation {
    let state = seen.state.clone().unwrap_or_default();
    match (seen.exists, state.as_str()) {
        (false, _) => UndoObservation::Gone,
        (true, _) if !cx.is_ours(&seen.tags) => {
            UndoObservation::Failed { why: format!("`{}` does not carry the tags of this run", seen.id) }
        }
        // The data of a recovery is not thrown away by a machine.
        (true, _) if cx.mode == Mode::Recovery => UndoObservation::Failed {
            why: format!("`{}` was made in a recovery and is kept; delete it by hand", seen.id),
        },
        // RDS deletes only what is complete or has failed; asked twice, it says that it is not there.
        (true, "available" | "failed") if cx.recorded.undo_accepted.is_empty() => {
            UndoObservation::Next(Stage::first())
        }
        (true, _) => UndoObservation::InProgress { state },
    }
}

pub(crate) async fn undo(aws: &Aws, cx: &StepContext) -> Result<(), ActionError> {
    let call = aws.rds(&cx.place.region).delete_db_snapshot().db_snapshot_identifier(name(cx));
    match call.send().await.map_err(|error| classify(error, Call::Mutation)) {
        Ok(_) => accepted(cx, "DeleteDBSnapshot").map(drop),
        Err(error) if error.code.starts_with("DBSnapshotNotFound") => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rds::spec;
    use crate::rds::testing::context;

    fn seen(cx: &StepContext, state: &str, percent: i64) -> Seen {
        let attributes = BTreeMap::from([("percent".to_owned(), Value::Int(percent))]);
        Seen { exists: true, state: Some(state.into()), tags: cx.tags(), attributes, ..Seen::absent("s") }
    }

    #[test]
    fn a_snapshot_is_ready_when_all_of_it_is_there() {
        let cx = context(&["creating"]);
        let spec = &spec::CREATE_SNAPSHOT;
        for (state, percent, word) in [
            ("creating", 40, "in_progress"),
            ("available", 99, "in_progress"),
            ("available", 100, "ready"),
            ("a-state-nobody-knows", 100, "in_progress"),
            ("failed", 0, "broken"),
            ("deleting", 100, "broken"),
        ] {
            let judged = match judge(&cx, spec, &seen(&cx, state, percent)) {
                Observation::Ready(_) => "ready",
                Observation::InProgress { .. } => "in_progress",
                Observation::Broken { .. } => "broken",
                other => panic!("{state}: {other:?}"),
            };
            assert_eq!(judged, word, "{state} {percent}");
        }
        assert!(matches!(judge(&cx, spec, &Seen::absent("s")), Observation::Broken { .. }));
        assert_eq!(judge(&context(&[]), spec, &Seen::absent("s")), Observation::Absent);
        let foreign = Seen { tags: BTreeMap::new(), ..seen(&cx, "available", 100) };
        assert!(matches!(judge(&cx, spec, &foreign), Observation::Foreign { .. }));
        assert!(matches!(judge_undo(&cx, &foreign), UndoObservation::Failed { .. }));
    }

    #[test]
    fn it_is_deleted_once_it_can_be_and_never_in_a_recovery() {
        let mut cx = context(&["creating"]);
        let half = judge_undo(&cx, &seen(&cx, "creating", 10));
        assert!(matches!(half, UndoObservation::InProgress { .. }));
        assert_eq!(judge_undo(&cx, &seen(&cx, "available", 100)), UndoObservation::Next(Stage::first()));
        cx.recorded.undo_accepted.push(Stage::first());
        let asked = judge_undo(&cx, &seen(&cx, "deleting", 100));
        assert!(matches!(asked, UndoObservation::InProgress { .. }));
        assert_eq!(judge_undo(&cx, &Seen::absent("s")), UndoObservation::Gone);
        cx.mode = Mode::Recovery;
        let kept = judge_undo(&cx, &seen(&cx, "available", 100));
        assert!(matches!(kept, UndoObservation::Failed { .. }));
    }
}
