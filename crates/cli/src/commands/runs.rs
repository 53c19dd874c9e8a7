//! `lifeboat runs`.

use crate::args::Output;
use crate::commands::show::number;
use crate::commands::{print_bytes, print_json};
use crate::error::CommandError;
use crate::home::Home;
use lifeboat_journal::outcome::PASSED;
use lifeboat_report::document::outcome_word;
use lifeboat_runbook::units;
use serde::Serialize;

#[derive(Serialize)]
struct Row {
    run: String,
    runbook: String,
    mode: String,
    cloud: String,
    outcome: String,
    started_at: String,
    rto_s: Option<f64>,
    rpo_s: Option<f64>,
    left_behind: Vec<String>,
}

pub(crate) fn run(home: &Home, output: Output) -> Result<u8, CommandError> {
    let runs = home.runs()?;
    let rows: Vec<Row> = runs
        .iter()
        .map(|run| match run {
            Err(broken) => Row::broken(broken.id.as_str(), &broken.problem),
            Ok(run) => {
                let started = run.state.started.as_ref();
                let text = |value: Option<String>| value.unwrap_or_default();
                Row {
                    run: run.id.to_string(),
                    runbook: text(started.map(|started| started.runbook.clone())),
                    mode: text(started.map(|started| started.mode.word().to_owned())),
                    cloud: text(started.map(|started| started.cloud.word())),
                    outcome: outcome_word(&run.state).to_owned(),
                    started_at: text(run.state.began.map(|began| units::time_text(began.at))),
                    rto_s: run.state.recovery_time.as_ref().and_then(|time| time.actual_s),
                    rpo_s: run.state.data_lost.as_ref().and_then(|lost| lost.actual_s),
                    left_behind: left_behind(&run.state),
                }
            }
        })
        .collect();
    match output {
        Output::Json => print_json(&rows)?,
        Output::Human if rows.is_empty() => {
            say!("no runs in {}; `lifeboat drill FILE --simulate` makes one", home.path().display());
        }
        Output::Human => print_bytes(table(&rows).as_bytes())?,
    }
    Ok(PASSED)
}

fn left_behind(state: &lifeboat_journal::state::RunState) -> Vec<String> {
    state.outcome.as_ref().map_or_else(Vec::new, |outcome| {
        outcome.left_behind.iter().map(|left| format!("{} {}", left.kind, left.id)).collect()
    })
}

impl Row {
    fn broken(run: &str, problem: &str) -> Self {
        let [runbook, mode, cloud, started_at] = [const { String::new() }; 4];
        let outcome = format!("broken journal: {problem}");
        Self {
            run: run.to_owned(),
            runbook,
            mode,
            cloud,
            outcome,
            started_at,
            rto_s: None,
            rpo_s: None,
            left_behind: vec![],
        }
    }
}

/// `2026-01-05T09:00:00.030Z` as `2026-01-05 09:00`: so the table fits a terminal; `--output json` has all of it.
fn to_the_minute(time: &str) -> String {
    time.get(..16).unwrap_or_default().replace('T', " ")
}

fn table(rows: &[Row]) -> String {
    let width = rows.iter().map(|row| row.runbook.chars().count()).max().unwrap_or(0).max("RUNBOOK".len());
    let mut text = format!(
        "{:18} {:width$} {:8} {:9} {:16} {:>9} {:>9}  OUTCOME\n",
        "RUN", "RUNBOOK", "MODE", "CLOUD", "STARTED", "RECOVERY", "DATA LOST"
    );
    for row in rows {
        let cloud = row.cloud.split(':').next().unwrap_or_default();
        text.push_str(&format!(
            "{:18} {:width$} {:8} {:9} {:16} {:>9} {:>9}  {}\n",
            row.run,
            row.runbook,
            row.mode,
            cloud,
            to_the_minute(&row.started_at),
            number(row.rto_s),
            number(row.rpo_s),
            row.outcome
        ));
        for left in &row.left_behind {
            text.push_str(&format!("{:18} LEFT BEHIND: {left}\n", ""));
        }
    }
    text
}
