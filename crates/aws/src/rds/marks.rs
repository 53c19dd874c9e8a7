//! The tags of what a run makes.

use aws_sdk_rds::types::Tag;
use chrono::TimeDelta;
use lifeboat_engine::action::StepContext;
use lifeboat_runbook::units;
use lifeboat_runbook::value::Value;

/// How long what a step makes is meant to be there at most; its tag `lifeboat:expires` says when that is over.
pub(crate) const EXPIRES_AFTER: TimeDelta = TimeDelta::hours(24);

/// Lifeboat's own tags, those of the step, and `more`; Lifeboat's win.
pub(crate) fn tags(cx: &StepContext, more: impl IntoIterator<Item = (String, String)>) -> Vec<Tag> {
    let mut tags = cx.tags();
    tags.insert("lifeboat:expires".to_owned(), units::time_text(cx.now + EXPIRES_AFTER));
    tags.extend(more);
    if let Some(Value::Map(given)) = cx.with.get("tags") {
        let given = given.iter().map(|(key, value)| (key.clone(), value.to_string()));
        tags = given.chain(tags).collect();
    }
    tags.into_iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}
