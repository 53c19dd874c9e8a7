//! Open questions: the text, what can be answered, until when, and with which command from elsewhere.

use super::{Sight, glance};
use crate::document::{AsksDocument, asks};
use crate::line::{Line, Tone, wrap};

/// The open questions in at most `room` lines; of a longer text the end is left out, and the view says so.
pub(super) fn questions(sight: &Sight<'_>, columns: usize, room: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    for asks in asks(sight.state) {
        lines.extend(question(sight, &asks, columns, room.saturating_sub(lines.len())));
    }
    lines
}

fn question(sight: &Sight<'_>, asks: &AsksDocument, columns: usize, room: usize) -> Vec<Line> {
    let mut head = Line::of(Tone::Warn, format!("{} {} asks", sight.signs.waiting, asks.step));
    let due = sight.state.step(&asks.step).asked().and_then(|asked| asked.due());
    if let Some(due) = due {
        let left = (due - sight.now).num_milliseconds() as f64 / 1000.0;
        let then = asks.question.on_timeout.as_deref().unwrap_or("fail");
        head.push(Tone::Dim, format!("  {} left, then: {then}", glance(left)));
    }
    let who = asks.progress().into_iter().chain(asks.question.who());
    let who: Vec<String> = who.collect();
    let who = (!who.is_empty()).then(|| Line::of(Tone::Warn, format!("  {}", who.join("; "))));
    let width =
        asks.question.options.iter().map(|option| option.id.chars().count()).max().unwrap_or_default();
    let mut foot: Vec<Line> = asks
        .question
        .options
        .iter()
        .map(|option| {
            Line::of(Tone::Strong, format!("    {:width$}", option.id))
                .and(Tone::Plain, format!("  {}", option.label))
        })
        .collect();
    if sight.answer_with_command {
        foot.extend(command(sight, asks, columns));
    }
    let text = wrap(&asks.question.text, columns.saturating_sub(2));
    let room = room.saturating_sub(2 + foot.len() + usize::from(who.is_some())).max(1);
    let mut lines = vec![Line::default(), head];
    lines.extend(who);
    let is_cut = text.len() > room;
    let shown = if is_cut { room.saturating_sub(1).max(1) } else { text.len() };
    lines.extend(text.iter().take(shown).map(|line| Line::of(Tone::Plain, format!("  {line}"))));
    if is_cut {
        let run = sight.state.run.as_ref().map(ToString::to_string).unwrap_or_default();
        let rest = text.len() - shown;
        lines.push(Line::of(Tone::Dim, format!("  … {rest} lines more: lifeboat show {run}")));
    }
    lines.extend(foot);
    lines
}

/// What answers it from another terminal, whole: it is there to be copied.
fn command(sight: &Sight<'_>, asks: &AsksDocument, columns: usize) -> Vec<Line> {
    let text = sight.state.run.as_ref().map(|run| asks.question.command(run, &asks.step)).unwrap_or_default();
    let mut lines = vec![Line::of(Tone::Dim, "  answer with:")];
    let wrapped = wrap(&text, columns.saturating_sub(2));
    lines.extend(wrapped.iter().map(|line| Line::of(Tone::Strong, format!("  {line}"))));
    lines
}
