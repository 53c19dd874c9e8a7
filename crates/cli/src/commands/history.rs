//! `lifeboat history`.

use crate::args::{HistoryArguments, Output};
use crate::commands::show::number;
use crate::commands::{print_bytes, print_json};
use crate::error::CommandError;
use crate::home::Home;
use lifeboat_journal::event::Cloud;
use lifeboat_journal::forecast::{Forecast, forecast};
use lifeboat_journal::history::{History, NumberHistory, PastRun, Series, StepHistory, TREND_OF};
use lifeboat_journal::outcome::PASSED;
use lifeboat_report::forecast::sentence;
use lifeboat_runbook::plan::Mode;
use lifeboat_runbook::units::time_text;
use serde::Serialize;
use std::collections::BTreeMap;

/// What is slower than usual by this much is said to be.
const SLOWER: f64 = 0.2;

/// What is known of a runbook's runs; the keys are stable, durations are seconds.
#[derive(Serialize)]
struct Told {
    runbook: String,
    /// Whether these are runs against AWS.
    evidence: bool,
    runs: usize,
    first_at: String,
    last_at: String,
    numbers: Vec<NumberHistory>,
    steps: Vec<StepHistory>,
    forecast: Forecasts,
}

#[derive(Serialize)]
struct Forecasts {
    drill: Forecast,
    recovery: Forecast,
}

pub(crate) fn run(home: &Home, arguments: &HistoryArguments) -> Result<u8, CommandError> {
    let is_wanted = |name: &str| arguments.runbook.as_ref().is_none_or(|wanted| wanted == name);
    let (past, broken) = home.past_runs(|started| {
        is_wanted(&started.runbook) && (started.cloud == Cloud::Aws) != arguments.simulated
    })?;
    for run in broken {
        say!("{} is left out: its journal is broken: {}", run.id, run.problem);
    }
    let mut by_runbook: BTreeMap<String, Vec<PastRun>> = BTreeMap::new();
    for run in past {
        by_runbook.entry(run.runbook.clone()).or_default().push(run);
    }
    if let (Some(wanted), true) = (&arguments.runbook, by_runbook.is_empty()) {
        return Err(nothing(home, wanted, arguments.simulated));
    }
    let told: Vec<Told> = by_runbook.into_iter().map(|(name, runs)| tell(name, runs, arguments)).collect();
    match arguments.output.output {
        Output::Json => print_json(&told)?,
        Output::Human if told.is_empty() => {
            let of = if arguments.simulated { "of a simulator" } else { "against AWS" };
            say!("no run {of} is over in {}", home.path().display());
        }
        Output::Human => {
            let text: Vec<String> = told.iter().map(|told| page(told, arguments)).collect();
            print_bytes(text.join("\n").as_bytes())?;
        }
    }
    Ok(PASSED)
}

fn nothing(home: &Home, wanted: &str, simulated: bool) -> CommandError {
    let of = if simulated { "of a simulator" } else { "against AWS" };
    let error =
        CommandError::usage(format!("no run of `{wanted}` {of} is over in {}", home.path().display()));
    let hint = "`lifeboat runs` lists all; `--simulated` shows those of a simulator, which are no evidence";
    if simulated { error.hint("`lifeboat runs` lists all") } else { error.hint(hint) }
}

fn tell(runbook: String, runs: Vec<PastRun>, arguments: &HistoryArguments) -> Told {
    let history = History::of(runs);
    let is_shown = |series: &Series| {
        arguments.slower_than.is_none_or(|more| series.slower_by.is_some_and(|slower| slower > more))
    };
    let (first, last) = (history.runs.first(), history.runs.last());
    let outlines = last.map(|last| last.outlines.as_slice()).unwrap_or_default();
    let objective = last.and_then(|last| last.rto_objective_s);
    let at = |run: Option<&PastRun>| run.map(|run| time_text(run.started_at)).unwrap_or_default();
    let of = |mode| forecast(outlines, mode, objective, &history);
    Told {
        runbook,
        evidence: !arguments.simulated,
        runs: history.runs.len(),
        first_at: at(first),
        last_at: at(last),
        numbers: history.numbers().into_iter().filter(|number| is_shown(&number.series)).collect(),
        steps: history.steps().into_iter().filter(|step| is_shown(&step.series)).collect(),
        forecast: Forecasts { drill: of(Mode::Drill), recovery: of(Mode::Recovery) },
    }
}

fn page(told: &Told, arguments: &HistoryArguments) -> String {
    let runs = if told.runs == 1 { "run" } else { "runs" };
    let against = if told.evidence { "against AWS" } else { "not against AWS: NO EVIDENCE" };
    let mut text = format!("{}: {} {runs} {against}, ", told.runbook, told.runs);
    text.push_str(&format!("{} to {}\n\n", told.first_at, told.last_at));
    let named = |number: &NumberHistory| {
        let scope = number.scope.as_ref().map(|scope| format!(", {scope}")).unwrap_or_default();
        format!("{} ({}{scope})", number.number.replace('_', " "), number.mode)
    };
    let mut rows: Vec<(String, &Series)> =
        told.numbers.iter().map(|number| (named(number), &number.series)).collect();
    rows.extend(told.steps.iter().map(|step| (step.step.to_string(), &step.series)));
    if rows.is_empty() {
        let more = arguments.slower_than.unwrap_or_default() * 100.0;
        text.push_str(&format!("  nothing took over {more} % longer than usual\n"));
    } else {
        text.push_str(&table(&rows, arguments.slower_than.unwrap_or(SLOWER)));
    }
    if arguments.slower_than.is_none() {
        text.push_str(&format!("\n  the next drill:    {}\n", sentence(&told.forecast.drill)));
        let before = if told.forecast.recovery.from == "run" { ", from its start" } else { "" };
        text.push_str(&format!("  the next recovery: {}{before}\n", sentence(&told.forecast.recovery)));
    }
    text
}

fn table(rows: &[(String, &Series)], slower_than: f64) -> String {
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let mut text =
        format!("  {:width$} {:>5} {:>12} {:>12} {:>12}  TREND\n", "", "RUNS", "MEDIAN", "P95", "LAST");
    for (name, series) in rows {
        let [median, p95, last] =
            [series.median_s, series.p95_s, series.last_s].map(|time| number(Some(time)));
        let trend =
            series.trend_s_per_run.map_or_else(|| "too few runs".to_owned(), |trend| changes(trend, series));
        let slower = series.slower_by.filter(|slower| *slower > slower_than);
        let slower = slower.map(|slower| format!("  SLOWER than usual by {:.0} %", slower * 100.0));
        let n = series.n;
        text.push_str(&format!("  {name:width$} {n:>5} {median:>12} {p95:>12} {last:>12}  {trend}"));
        text.push_str(&format!("{}\n", slower.unwrap_or_default()));
    }
    text
}

/// How it changes from run to run; what comes to less than a twentieth over all of them is no change.
fn changes(trend: f64, series: &Series) -> String {
    let over_all = trend.abs() * series.n.min(TREND_OF) as f64;
    let sign = if trend > 0.0 { '+' } else { '-' };
    match over_all < 0.05 * series.median_s || over_all < 1.0 {
        true => "steady".to_owned(),
        false => format!("{sign}{} a run", number(Some(trend.abs()))),
    }
}
