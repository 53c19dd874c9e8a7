//! DescribeEvents: no ids, and nothing before it has arrived.

use chrono::{DateTime, TimeDelta, Utc};

use super::paging::page;
use super::refusals::{combination, invalid};
use crate::protocol::Xml;
use crate::service::{Answer, Context};
use crate::world::{Event, World};

/// Events are kept for 14 days (RDS API reference, DescribeEvents).
const KEPT_DAYS: i64 = 14;
/// The window when none is asked for, minutes (as above).
const USUAL_MINUTES: u32 = 60;

pub(super) fn describe(world: &World, context: &Context<'_>) -> Answer {
    let params = context.params;
    let (source, kind) = (params.get("SourceIdentifier"), params.get("SourceType"));
    if source.is_some() && kind.is_none() {
        return Err(combination("Source type must be specified when source identifier is supplied"));
    }
    let end = params.time("EndTime")?.unwrap_or(world.now);
    let minutes = params.number("Duration")?.unwrap_or(USUAL_MINUTES);
    let start = params.time("StartTime")?;
    let start = start.or_else(|| end.checked_sub_signed(TimeDelta::minutes(minutes.into())));
    let start = start.unwrap_or(DateTime::<Utc>::MIN_UTC);
    if start > end {
        return Err(invalid("EndTime must be later than StartTime"));
    }
    let oldest = world.now - TimeDelta::days(KEPT_DAYS);
    let categories = params.list("EventCategories");
    let wanted = |event: &&Event| {
        event.visible_at <= world.now
            && (start.max(oldest)..=end).contains(&event.date)
            && kind.is_none_or(|kind| kind == event.kind.as_str())
            && source.is_none_or(|source| event.source.eq_ignore_ascii_case(source))
            && (categories.is_empty() || event.categories.iter().any(|each| categories.contains(each)))
    };
    let page = page(world.region(context.place).events.iter().filter(wanted).collect(), params)?;
    Ok(Xml::new().list("Events", "Event", page.records, render).optional("Marker", page.marker))
}

fn render(event: &Event) -> Xml {
    Xml::new()
        .text("SourceIdentifier", &event.source)
        .text("SourceType", event.kind.as_str())
        .text("Message", &event.message)
        .texts("EventCategories", "EventCategory", &event.categories)
        .text("Date", event.date.format("%Y-%m-%dT%H:%M:%SZ"))
        .text("SourceArn", &event.arn)
}
