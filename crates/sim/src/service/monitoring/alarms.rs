//! DescribeAlarms and SetAlarmState.

use std::collections::BTreeMap;

use super::PAGING;
use crate::definition::{AlarmDefinition, AlarmState, Watched};
use crate::durations::ALARM_EVALUATED;
use crate::protocol::{ApiError, Document};
use crate::service::paging::page;
use crate::service::{Context, Output};
use crate::world::alarm::{SetState, StateChange, changes};
use crate::world::{Place, World};

/// The changes of an alarm's state so far; never none.
pub(super) fn changes_of(world: &World, place: &Place, alarm: &AlarmDefinition) -> Vec<StateChange> {
    changes(alarm, &world.region(place).set_states, world.definition.start, world.now)
}

pub(super) fn kind(alarm: &AlarmDefinition) -> &'static str {
    match alarm.watches {
        Watched::Metric { .. } => "MetricAlarm",
        Watched::Rule(_) => "CompositeAlarm",
    }
}

/// The kinds of alarms that are asked for. Who names none gets no composite ones (API reference, AlarmTypes).
pub(super) fn kinds(context: &Context<'_>) -> Result<Vec<String>, ApiError> {
    let kinds = context.input.texts("AlarmTypes")?;
    Ok(if kinds.is_empty() { vec!["MetricAlarm".to_owned()] } else { kinds })
}

pub(super) fn describe(world: &World, context: &Context<'_>) -> Output {
    let input = context.input;
    let (names, prefix) = (input.texts("AlarmNames")?, input.text("AlarmNamePrefix")?);
    if !names.is_empty() && prefix.is_some() {
        let message = "AlarmNamePrefix and AlarmNames can't be used together";
        return Err(ApiError::new("ValidationError", message));
    }
    let (kinds, state) = (kinds(context)?, input.text("StateValue")?);
    let mut found: Vec<_> = world.region(context.place).definition.alarms.iter().collect();
    found.retain(|alarm| {
        kinds.iter().any(|wanted| wanted == kind(alarm))
            && (names.is_empty() || names.contains(&alarm.name))
            && prefix.is_none_or(|prefix| alarm.name.starts_with(prefix))
    });
    found.sort_by(|one, other| one.name.cmp(&other.name));
    let described = found.into_iter().filter_map(|alarm| {
        let last = changes_of(world, context.place, alarm).pop()?;
        let fits = state.is_none_or(|wanted| wanted == last.to.as_str());
        fits.then(|| (kind(alarm), record(context.place, alarm, &last)))
    });
    let (page, next) = page(described.collect(), input, PAGING)?;
    let (metric, composite): (Vec<_>, Vec<_>) =
        page.into_iter().partition(|(kind, _)| *kind == "MetricAlarm");
    Ok(Document::new()
        .list("MetricAlarms", metric.into_iter().map(|(_, record)| record))
        .list("CompositeAlarms", composite.into_iter().map(|(_, record)| record))
        .optional("NextToken", next))
}

fn record(place: &Place, alarm: &AlarmDefinition, last: &StateChange) -> Document {
    let document = Document::new()
        .with("AlarmName", &alarm.name)
        .with(
            "AlarmArn",
            format!("arn:aws:cloudwatch:{}:{}:alarm:{}", place.region, place.account, alarm.name),
        )
        .with("AlarmDescription", &alarm.description)
        .with("ActionsEnabled", true)
        .with("StateValue", last.to.as_str())
        .with("StateReason", &last.reason)
        .with("StateUpdatedTimestamp", last.at)
        .with("StateTransitionedTimestamp", last.at);
    match &alarm.watches {
        Watched::Rule(rule) => document.with("AlarmRule", rule),
        Watched::Metric {
            namespace,
            metric,
            dimensions,
            statistic,
            period,
            evaluation_periods,
            threshold,
            comparison,
        } => document
            .with("Namespace", namespace)
            .with("MetricName", metric)
            .list("Dimensions", dimension_records(dimensions))
            .with("Statistic", statistic)
            .with("Period", *period)
            .with("EvaluationPeriods", *evaluation_periods)
            .with("DatapointsToAlarm", *evaluation_periods)
            .with("Threshold", *threshold)
            .with("ComparisonOperator", comparison),
    }
}

fn dimension_records(dimensions: &BTreeMap<String, String>) -> Vec<Document> {
    let each = |(name, value): (&String, &String)| Document::new().with("Name", name).with("Value", value);
    dimensions.iter().map(each).collect()
}

/// A set state lasts until the alarm is evaluated again, "often within seconds" (API reference, SetAlarmState).
pub(super) fn set_state(world: &mut World, context: &Context<'_>) -> Output {
    let input = context.input;
    let (name, word) = (input.required("AlarmName")?, input.required("StateValue")?);
    let reason = input.required("StateReason")?.to_owned();
    let state = AlarmState::named(word).ok_or_else(|| {
        ApiError::new(
            "ValidationError",
            format!("Value '{word}' at 'stateValue' failed to satisfy constraint"),
        )
    })?;
    if !world.region(context.place).definition.alarms.iter().any(|alarm| alarm.name == name) {
        return Err(ApiError::not_found("ResourceNotFound", "Unknown alarm"));
    }
    let (least, most) = ALARM_EVALUATED;
    let key = format!("{name} {}", world.now.to_rfc3339());
    let until = world.now + world.chance.seconds("alarm evaluated", &key, least, most);
    let set = SetState { alarm: name.to_owned(), at: world.now, until, state, reason };
    world.region_mut(context.place).set_states.push(set);
    Ok(Document::new())
}
