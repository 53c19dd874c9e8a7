//! The post-mortem: everything that the records know, laid out beside what only people can tell.

use super::document::IncidentDocument;
use super::timeline::{Filter, IncidentRow, Part, merged};
use super::words::{entry_words, proof_words};
use crate::incident::kept::TO_WRITE;
use crate::page::Page;
use crate::record::Record;
use crate::render::{Form, OwnTemplate, ReportError, render_as};
use crate::timeline::duration;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use lifeboat_journal::event::{EventKind, Values};
use lifeboat_journal::incident::event::{Entry, ImportedKind};
use lifeboat_journal::incident::metrics::{Milestone, metrics, milestones};
use lifeboat_journal::incident::state::IncidentState;
use lifeboat_journal::items::{Fate, Item, Purpose};
use lifeboat_journal::measure::FindingKind;
use lifeboat_journal::state::RunState;
use lifeboat_runbook::id::RunId;
use lifeboat_runbook::units::{parse_time, time_text};
use pulldown_cmark::{Event as MarkdownEvent, Options, Parser, Tag, TagEnd};
use serde::Serialize;
use std::collections::BTreeMap;

/// Changes before the onset are candidates for its trigger if they are not older than this.
const BEFORE_ONSET: TimeDelta = TimeDelta::hours(24);

/// A run of an incident with all that is told of it.
#[derive(Clone, Copy, Debug)]
pub struct RunRecord<'run> {
    /// Its id.
    pub id: &'run RunId,
    /// Its record.
    pub record: Record<'run>,
}

/// The names that the templates `postmortem.md` and `postmortem.html` may use.
#[derive(Debug, Serialize)]
pub struct Postmortem<'record> {
    /// The incident in short.
    pub document: IncidentDocument,
    /// The version of the program that opened it.
    pub version: String,
    /// What stands where people must write.
    pub to_write: &'static str,
    /// The first sentence, from the milestones.
    pub summary: String,
    /// The times of the incident, with the events they come from.
    pub metrics: Vec<MetricRow>,
    /// From the loss of service until it was mitigated, or well again.
    pub window: Option<Window>,
    /// Time that people took, and that machines took, in the runs; seconds.
    pub people_s: f64,
    /// Time that machines took in the runs, seconds.
    pub machines_s: f64,
    /// Alarms that an import brought, with how long after the onset they came.
    pub alarms: Vec<AlarmRow>,
    /// Changes before the onset.
    pub candidates: Vec<IncidentRow>,
    /// What people decided, and why.
    pub decisions: Vec<DecisionRow>,
    /// What was tried and did not work.
    pub in_vain: Vec<HintRow>,
    /// The runs, as their reports have them.
    pub runs: Vec<Page<'record>>,
    /// What may have gone well.
    pub well: Vec<HintRow>,
    /// What may have gone badly.
    pub badly: Vec<HintRow>,
    /// Where it may have been luck.
    pub lucky: Vec<HintRow>,
    /// What is still there that should not be.
    pub left_behind: Vec<HintRow>,
    /// What might be done, from the findings.
    pub proposals: Vec<ProposalRow>,
    /// What is to be done, and was.
    pub items: Vec<ItemRow>,
    /// The rows that people pinned.
    pub story: Vec<IncidentRow>,
}

/// A time of the incident.
#[derive(Debug, Serialize)]
pub struct MetricRow {
    /// `time to detect`.
    pub name: &'static str,
    /// How long.
    pub time: String,
    /// `disrupted to detected`.
    pub between: String,
    /// The rows it comes from.
    pub rows: String,
}

/// A span of time.
#[derive(Debug, Serialize)]
pub struct Window {
    /// RFC 3339, UTC.
    pub from: String,
    /// RFC 3339, UTC.
    pub to: String,
    /// How long.
    pub time: String,
}

/// An alarm.
#[derive(Debug, Serialize)]
pub struct AlarmRow {
    /// Its row of the timeline.
    #[serde(flatten)]
    pub row: IncidentRow,
    /// How long after the loss of service, or before it.
    pub delay: String,
}

/// Something people decided.
#[derive(Debug, Serialize)]
pub struct DecisionRow {
    /// When.
    pub at: String,
    /// What was asked.
    pub question: String,
    /// What was answered, with what was handed in.
    pub answer: String,
    /// Why.
    pub reason: String,
    /// The row of the timeline.
    pub row: String,
}

/// Something to think about.
#[derive(Debug, Serialize)]
pub struct HintRow {
    /// In words.
    pub text: String,
    /// The rows it comes from.
    pub rows: String,
}

/// Something that might be done.
#[derive(Debug, Serialize)]
pub struct ProposalRow {
    /// What for.
    pub purpose: &'static str,
    /// In words.
    pub text: String,
}

/// Something that is to be done.
#[derive(Debug, Serialize)]
pub struct ItemRow {
    /// Its id.
    pub item: String,
    /// What for.
    pub purpose: &'static str,
    /// What.
    pub title: String,
    /// By whom.
    pub owner: Option<String>,
    /// Until when.
    pub due: Option<NaiveDate>,
    /// Where it is worked on.
    pub ticket: Option<String>,
    /// `open`, `OVERDUE`, `done: …`, `dropped: …`.
    pub status: String,
}

/// All that a post-mortem is made from.
#[derive(Clone, Copy, Debug)]
pub struct Sources<'record> {
    /// The fold of the incident.
    pub state: &'record IncidentState,
    /// Its own events and those of its runs, the incident first.
    pub parts: &'record [Part<'record>],
    /// Its runs.
    pub runs: &'record [RunRecord<'record>],
    /// The action items that came of it or of its runs.
    pub items: &'record [Item],
    /// Today.
    pub today: NaiveDate,
}

impl<'record> Postmortem<'record> {
    /// What the records know.
    pub fn of(document: IncidentDocument, sources: &Sources<'record>) -> Self {
        let states: Vec<(RunId, &RunState)> =
            sources.runs.iter().map(|run| (run.id.clone(), run.record.state)).collect();
        let milestones = milestones(sources.state, &states);
        let rows = merged(sources.state, sources.parts, &Filter::default());
        let onset = milestones.get("disrupted").map(|found| found.at);
        let runs: Vec<Page<'record>> = sources.runs.iter().map(|run| Page::of(&run.record)).collect();
        let parts = runs.iter().map(|page| &page.document.rto.parts_s);
        let people_s: f64 = parts.map(|parts| parts.decision).sum();
        let machines_s =
            sources.runs.iter().filter_map(|run| whole_s(run.record.state)).sum::<f64>() - people_s;
        let hints = |kinds: &[FindingKind]| hints(sources.runs, &runs, kinds);
        Self {
            version: sources
                .state
                .declared
                .as_ref()
                .map(|declared| declared.lifeboat.clone())
                .unwrap_or_default(),
            to_write: TO_WRITE,
            summary: summary(sources.state, &milestones, &runs),
            metrics: metric_rows(&milestones),
            window: window(&milestones),
            people_s,
            machines_s: machines_s.max(0.0),
            alarms: alarms(&rows, onset),
            candidates: candidates(&rows, onset),
            decisions: sources.runs.iter().flat_map(decisions).collect(),
            in_vain: sources.runs.iter().flat_map(in_vain).collect(),
            well: well(sources.runs, &runs),
            badly: hints(&BADLY),
            lucky: hints(&LUCKY),
            left_behind: left_behind(sources.runs, &runs),
            proposals: proposals(&runs, &milestones),
            items: sources.items.iter().map(|item| item_row(item, sources.today)).collect(),
            story: rows.into_iter().filter(|row| row.pinned).collect(),
            runs,
            document,
        }
    }
}

/// Findings that tell of trouble.
const BADLY: [FindingKind; 10] = [
    FindingKind::MarkOrder,
    FindingKind::Negative,
    FindingKind::Check,
    FindingKind::Order,
    FindingKind::Retry,
    FindingKind::Slow,
    FindingKind::Blocked,
    FindingKind::Throttled,
    FindingKind::Processes,
    FindingKind::Step,
];

/// Findings that tell of trouble that just did not come.
const LUCKY: [FindingKind; 3] = [FindingKind::NearTimeout, FindingKind::Unknown, FindingKind::Torn];

/// How long a run went on, seconds.
fn whole_s(state: &RunState) -> Option<f64> {
    Some(state.began?.seconds_to(&state.last?))
}

fn summary(
    state: &IncidentState,
    milestones: &BTreeMap<&'static str, Milestone>,
    runs: &[Page<'_>],
) -> String {
    let severity = state.severity.map_or("unknown", |severity| severity.word());
    let between = |from: &str, to: &str| Some(time(milestones.get(to)?.at - milestones.get(from)?.at));
    let mut text = match milestones.get("disrupted") {
        Some(onset) => {
            format!("{} ({severity}) began at {}", state.title, time_text(onset.at))
        }
        None => format!("{} ({severity}); when it began is not known", state.title),
    };
    if let Some(detected) = between("disrupted", "detected") {
        text.push_str(&format!(", was seen after {detected}"));
    }
    match (between("disrupted", "mitigated"), between("disrupted", "verified")) {
        (Some(mitigated), _) => text.push_str(&format!(", and was mitigated after {mitigated}")),
        (None, Some(verified)) => text.push_str(&format!(", and was well again after {verified}")),
        (None, None) => {}
    }
    text.push('.');
    let lost = runs
        .iter()
        .filter_map(|page| page.document.rpo.actual_s)
        .fold(None, |worst: Option<f64>, lost| Some(worst.map_or(lost, |worst| worst.max(lost))));
    if let Some(lost) = lost {
        text.push_str(&format!(" Data of {} were lost.", duration(lost)));
    }
    text
}

fn time(span: TimeDelta) -> String {
    duration(span.num_milliseconds() as f64 / 1000.0)
}

fn metric_rows(milestones: &BTreeMap<&'static str, Milestone>) -> Vec<MetricRow> {
    let row = |name: &str| milestones.get(name).map(milestone_row);
    let rows = metrics(milestones).into_iter().map(|metric| MetricRow {
        name: metric.name,
        time: metric.millis.map_or_else(|| "unknown".to_owned(), |millis| duration(millis as f64 / 1000.0)),
        between: format!("{} to {}", metric.from, metric.to),
        rows: [row(metric.from), row(metric.to)].into_iter().flatten().collect::<Vec<_>>().join(", "),
    });
    rows.collect()
}

fn milestone_row(found: &Milestone) -> String {
    entry_words(&Entry { run: found.run.clone(), seq: found.seq })
}

fn window(milestones: &BTreeMap<&'static str, Milestone>) -> Option<Window> {
    let from = milestones.get("disrupted")?;
    let to = ["mitigated", "verified", "resolved"]
        .iter()
        .filter_map(|name| milestones.get(name))
        .min_by_key(|to| to.at)?;
    Some(Window { from: time_text(from.at), to: time_text(to.at), time: time(to.at - from.at) })
}

fn alarms(rows: &[IncidentRow], onset: Option<DateTime<Utc>>) -> Vec<AlarmRow> {
    let alarms = rows.iter().filter(|row| row.kind == Some(ImportedKind::Alarm));
    let delay = |row: &IncidentRow| match (onset, parse_time(&row.event.at)) {
        (Some(onset), Some(at)) if at < onset => format!("{} before", time(onset - at)),
        (Some(onset), Some(at)) => time(at - onset),
        _ => "unknown".to_owned(),
    };
    alarms.map(|row| AlarmRow { delay: delay(row), row: row.clone() }).collect()
}

fn candidates(rows: &[IncidentRow], onset: Option<DateTime<Utc>>) -> Vec<IncidentRow> {
    let Some(onset) = onset else { return Vec::new() };
    let before = |row: &&IncidentRow| {
        let at = parse_time(&row.event.at);
        row.kind == Some(ImportedKind::Change)
            && at.is_some_and(|at| at <= onset && onset - at <= BEFORE_ONSET)
    };
    // The one that came last before the onset is the first to look at.
    rows.iter().filter(before).rev().cloned().collect()
}

fn decisions<'run>(run: &RunRecord<'run>) -> Vec<DecisionRow> {
    let mut questions = BTreeMap::new();
    let mut decisions = Vec::new();
    for event in run.record.events {
        match &event.kind {
            EventKind::PersonAsked(question) => {
                // The instructions of a manual step may fill a page: its name says what was to be done.
                let outline = event.step.as_ref().and_then(|step| run.record.state.outline(step));
                let name =
                    outline.filter(|_| question.kind == "manual").and_then(|outline| outline.name.clone());
                questions.insert(event.seq, name.unwrap_or_else(|| question.text.clone()));
            }
            EventKind::PersonAnswered(answer) => decisions.push(DecisionRow {
                at: time_text(event.at),
                question: questions.get(&answer.asked).cloned().unwrap_or_default(),
                answer: format!("{}{}", answer.choice, fields(&answer.fields)),
                reason: answer.reason.clone().unwrap_or_default(),
                row: entry_words(&Entry { run: Some(run.id.clone()), seq: event.seq }),
            }),
            _ => {}
        }
    }
    decisions
}

fn fields(fields: &Values) -> String {
    let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    if fields.is_empty() { String::new() } else { format!(" ({})", fields.join(", ")) }
}

fn in_vain<'run>(run: &RunRecord<'run>) -> Vec<HintRow> {
    let failed = run.record.events.iter().filter_map(|event| {
        let (EventKind::AttemptFailed { error, .. } | EventKind::StepFailed { error, .. }) = &event.kind
        else {
            return None;
        };
        let step = event.step.as_ref()?;
        let rows = entry_words(&Entry { run: Some(run.id.clone()), seq: event.seq });
        Some(HintRow { text: format!("{step}: {}", error.message), rows })
    });
    failed.collect()
}

fn rows_of(run: &RunId, events: &[u64]) -> String {
    let rows: Vec<String> =
        events.iter().map(|seq| entry_words(&Entry { run: Some(run.clone()), seq: *seq })).collect();
    rows.join(", ")
}

fn hints(runs: &[RunRecord<'_>], pages: &[Page<'_>], kinds: &[FindingKind]) -> Vec<HintRow> {
    let mut hints = Vec::new();
    for (run, page) in runs.iter().zip(pages) {
        let found = page.document.findings.iter().filter(|finding| kinds.contains(&finding.kind));
        hints.extend(
            found.map(|finding| HintRow {
                text: finding.text.clone(),
                rows: rows_of(run.id, &finding.events),
            }),
        );
    }
    hints
}

fn well(runs: &[RunRecord<'_>], pages: &[Page<'_>]) -> Vec<HintRow> {
    let mut hints = Vec::new();
    for (run, page) in runs.iter().zip(pages) {
        let (time, lost) = (&page.document.rto, &page.document.rpo);
        for (what, met, actual) in
            [("recovery time", time.met, time.actual_s), ("data lost", lost.met, lost.actual_s)]
        {
            if let (Some(true), Some(actual)) = (met, actual) {
                let text = format!("the objective for the {what} was met: {}", duration(actual));
                hints.push(HintRow { text, rows: run.id.short().to_owned() });
            }
        }
    }
    hints
}

fn left_behind(runs: &[RunRecord<'_>], pages: &[Page<'_>]) -> Vec<HintRow> {
    let mut left = Vec::new();
    for (run, page) in runs.iter().zip(pages) {
        let place = |what: &str, kind: &str, id: &str| HintRow {
            text: format!("{what}: {kind} {id}"),
            rows: run.id.short().to_owned(),
        };
        left.extend(page.document.left_behind.iter().map(|left| place("left behind", &left.kind, &left.id)));
        left.extend(page.document.kept.iter().map(|kept| place("kept", &kept.kind, &kept.id)));
        for lack in &page.not_restored {
            let text = format!("{}: not carried over: {}", lack.step, lack.what);
            left.push(HintRow { text, rows: run.id.short().to_owned() });
        }
    }
    left
}

fn proposals(pages: &[Page<'_>], milestones: &BTreeMap<&'static str, Milestone>) -> Vec<ProposalRow> {
    let mut proposals = Vec::new();
    let mut propose = |purpose: Purpose, text: String| {
        if !proposals.iter().any(|known: &ProposalRow| known.text == text) {
            proposals.push(ProposalRow { purpose: purpose.words(), text });
        }
    };
    for page in pages {
        let book = &page.document.runbook;
        for (what, met) in [("recovery time", page.document.rto.met), ("data lost", page.document.rpo.met)] {
            if met == Some(false) {
                propose(Purpose::Mitigate, format!("{book}: the objective for the {what} was missed"));
            }
        }
        for finding in &page.document.findings {
            let text = format!("{book}: {}", finding.text);
            match finding.kind {
                FindingKind::Check | FindingKind::Order | FindingKind::NearTimeout | FindingKind::Slow => {
                    propose(Purpose::Runbook, text);
                }
                FindingKind::Blocked | FindingKind::Throttled => propose(Purpose::Prevent, text),
                _ => {}
            }
        }
    }
    for name in ["disrupted", "detected", "acknowledged", "mitigated"] {
        if !milestones.contains_key(name) {
            propose(Purpose::Process, format!("nobody recorded when it was {name}"));
        }
    }
    proposals
}

fn item_row(item: &Item, today: NaiveDate) -> ItemRow {
    let status = match &item.fate {
        Fate::Open if item.is_overdue(today) => "OVERDUE".to_owned(),
        Fate::Open => "open".to_owned(),
        Fate::Done { proof, .. } => format!("done: {}", proof_words(proof)),
        Fate::Dropped { why } => format!("dropped: {why}"),
    };
    let added = &item.added;
    ItemRow {
        item: added.item.clone(),
        purpose: added.purpose.words(),
        title: added.title.clone(),
        owner: added.owner.clone(),
        due: added.due,
        ticket: added.ticket.clone(),
        status,
    }
}

/// The post-mortem as Markdown, before people's words are put into it (see [`super::kept::regenerate`]).
///
/// # Errors
/// When a template cannot be read, or uses what the page does not have.
pub fn markdown(page: &Postmortem<'_>, own: &[OwnTemplate]) -> Result<String, ReportError> {
    render_as(Form::Markdown, "postmortem.md", page, own)
}

/// What is laid out by the template `postmortem.html`.
#[derive(Serialize)]
struct Web<'page> {
    title: &'page str,
    version: &'page str,
    body: String,
}

/// The post-mortem as one HTML file, from the Markdown that people have in hand. HTML that stands in it is shown as text.
///
/// # Errors
/// When a template cannot be read, or uses what the page does not have.
pub fn html(page: &Postmortem<'_>, markdown: &str, own: &[OwnTemplate]) -> Result<String, ReportError> {
    let mut pictures = Vec::new();
    for run in &page.runs {
        let gantt = run.gantt.is_some().then(|| render_as(Form::Html, "gantt.html", run, own)).transpose()?;
        pictures.push(gantt.unwrap_or_default());
    }
    let events = Parser::new_ext(markdown, Options::ENABLE_TABLES).map(|event| shown(event, &pictures));
    let mut body = String::new();
    pulldown_cmark::html::push_html(&mut body, events);
    let web = Web { title: &page.document.title, version: &page.version, body };
    render_as(Form::Html, "postmortem.html", &web, own)
}

/// The comment in whose place the picture of a run stands.
const PICTURE: &str = "<!-- lifeboat:picture ";

/// What a piece of Markdown is shown as.
fn shown<'text>(event: MarkdownEvent<'text>, pictures: &[String]) -> MarkdownEvent<'text> {
    match event {
        MarkdownEvent::Html(html) | MarkdownEvent::InlineHtml(html)
            if html.trim_start().starts_with("<!--") =>
        {
            let place = html
                .trim()
                .strip_prefix(PICTURE)
                .and_then(|rest| rest.split(' ').next()?.parse::<usize>().ok());
            let picture = place.and_then(|place| pictures.get(place)).cloned();
            MarkdownEvent::Html(picture.unwrap_or_default().into())
        }
        MarkdownEvent::Html(html) | MarkdownEvent::InlineHtml(html) => MarkdownEvent::Text(html),
        MarkdownEvent::Start(Tag::Link { link_type, dest_url, title, id }) => {
            let dest_url = if leads_outside(&dest_url) { dest_url } else { "#".into() };
            MarkdownEvent::Start(Tag::Link { link_type, dest_url, title, id })
        }
        // A picture from elsewhere would be asked for when the page is opened.
        MarkdownEvent::Start(Tag::Image { dest_url, .. }) => {
            MarkdownEvent::Text(format!("[{dest_url}] ").into())
        }
        MarkdownEvent::End(TagEnd::Image) => MarkdownEvent::Text("".into()),
        other => other,
    }
}

fn leads_outside(link: &str) -> bool {
    ["https://", "http://", "mailto:", "#"].iter().any(|begins| link.starts_with(begins))
}
