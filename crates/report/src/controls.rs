//! Which controls a run is evidence for, in the words of those who ask for it.

use lifeboat_runbook::plan::Mode;
use serde::Serialize;

/// A control, and what in the report answers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Control {
    /// Whose it is, with its edition.
    pub framework: &'static str,
    /// Its number there.
    pub control: &'static str,
    /// What it asks for, shortened.
    pub asks: &'static str,
    /// Where in the report the answer stands.
    pub shown_by: &'static str,
}

const EXERCISE: &str = "the run itself: its date, scope, outcome and findings";
const DATA: &str = "Data lost: what was read from the recovered data, and the checks on it";

/// The controls of a rehearsal and of a recovery alike: restoring, and proving that it worked.
const RESTORE: [Control; 5] = [
    Control {
        framework: "SOC 2 (TSC 2017)",
        control: "A1.2",
        asks: "data backup processes and recovery infrastructure are operated and monitored",
        shown_by: "Steps: the backup that was used, restored and checked",
    },
    Control {
        framework: "DORA (EU 2022/2554)",
        control: "Art. 12",
        asks: "restoration and recovery procedures, with objectives for time and point, and checks of integrity",
        shown_by: "Objectives against actuals, and Data lost",
    },
    Control {
        framework: "NIST CSF 2.0",
        control: "RC.RP-03, RC.RP-05",
        asks: "integrity of backups and of restored assets is verified, normal operation is confirmed",
        shown_by: DATA,
    },
    Control {
        framework: "AWS Well-Architected",
        control: "REL09-BP04",
        asks: "data is recovered periodically to verify the integrity and the process of backups",
        shown_by: DATA,
    },
    Control {
        framework: "AWS Well-Architected",
        control: "OPS10",
        asks: "events are answered by a process that is written down, with a person responsible",
        shown_by: "the runbook as it was run, and who was asked what in the timeline",
    },
];

/// What only a rehearsal answers.
const REHEARSAL: [Control; 4] = [
    Control {
        framework: "SOC 2 (TSC 2017)",
        control: "A1.3",
        asks: "recovery plan procedures are tested to support recovery that meets the objectives",
        shown_by: EXERCISE,
    },
    Control {
        framework: "ISO 22301:2019",
        control: "8.5",
        asks: "an exercise programme validates continuity strategies, with reports, outcomes and improvements",
        shown_by: EXERCISE,
    },
    Control {
        framework: "DORA (EU 2022/2554)",
        control: "Art. 11(6)",
        asks: "continuity, response and recovery plans are tested at least yearly, and results are kept",
        shown_by: EXERCISE,
    },
    Control {
        framework: "AWS Well-Architected",
        control: "REL13-BP03",
        asks: "the disaster recovery implementation is tested regularly against RTO and RPO",
        shown_by: "Objectives against actuals",
    },
];

/// The controls that a run against AWS is evidence for.
pub fn controls(mode: Mode) -> Vec<Control> {
    let rehearsal = if mode == Mode::Drill { &REHEARSAL[..] } else { &[] };
    rehearsal.iter().chain(&RESTORE).copied().collect()
}
