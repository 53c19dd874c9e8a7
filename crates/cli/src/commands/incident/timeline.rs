//! `lifeboat incident timeline`.

use crate::args::incident::{TimelineArguments, TimelineFormat};
use crate::error::CommandError;
use crate::home::Home;
use crate::incidents::moment;
use crate::reports::{failed, own_templates, put};
use chrono::{DateTime, Utc};
use lifeboat_journal::outcome::PASSED;
use lifeboat_report::export;
use lifeboat_report::incident::document::is_rehearsal;
use lifeboat_report::incident::timeline::{Filter, Part, json, merged, page};
use lifeboat_report::render::Form;

pub(crate) fn run(home: &Home, arguments: &TimelineArguments) -> Result<u8, CommandError> {
    let incident = home.incident(&arguments.which.incident)?;
    let runs = home.runs_of(&incident);
    let own = Part { run: None, events: &incident.journal.events };
    let of_runs = runs.iter().map(|run| Part { run: Some(&run.id), events: &run.journal.events });
    let parts: Vec<Part<'_>> = std::iter::once(own).chain(of_runs).collect();
    let rows = merged(&incident.state, &parts, &filter(arguments, home.now_of(&incident))?);
    let templates = own_templates(arguments.template.as_deref())?;
    let simulated = is_rehearsal(runs.iter().map(|run| &run.state));
    let laid_out = |form| page(form, &incident.id, &incident.state, simulated, &rows, &templates);
    let text = match arguments.format {
        TimelineFormat::Md => laid_out(Form::Markdown).map_err(|error| failed(&error))?,
        TimelineFormat::Html => laid_out(Form::Html).map_err(|error| failed(&error))?,
        TimelineFormat::Json => json(&incident.id, &incident.state, &rows).map_err(|error| failed(&error))?,
        TimelineFormat::Csv => export::incident_csv(&rows).map_err(|error| failed(&error))?,
        TimelineFormat::Timesketch => {
            export::incident_timesketch(&rows, &incident.id).map_err(|error| failed(&error))?
        }
    };
    put(arguments.out.as_deref(), &text)?;
    Ok(PASSED)
}

fn filter(arguments: &TimelineArguments, now: DateTime<Utc>) -> Result<Filter, CommandError> {
    let time = |text: &Option<String>| -> Result<Option<DateTime<Utc>>, CommandError> {
        text.as_deref().map(|text| moment(text, now).map(|(at, _)| at)).transpose()
    };
    Ok(Filter {
        pinned: arguments.pinned,
        sources: arguments.source.clone(),
        from: time(&arguments.from)?,
        to: time(&arguments.to)?,
    })
}
