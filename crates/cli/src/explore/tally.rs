//! Many trials, and what to print of them.

use super::draw::{Profile, random, systematic};
use super::invariants::{Invariant, Violation};
use super::subject::Subject;
use super::trial::{Report, Trial, run};
use lifeboat_runbook::plan::Mode;
use std::collections::BTreeMap;
use std::fmt;

/// What came of many trials.
#[derive(Debug, Default)]
pub struct Tally {
    /// Runs.
    pub runs: usize,
    /// Processes that carried them.
    pub processes: usize,
    /// How often an invariant was looked at.
    pub checked: usize,
    /// Faults that were ordered, by kind.
    pub faults: BTreeMap<String, usize>,
    /// How runs ended.
    pub outcomes: BTreeMap<String, usize>,
    /// What did not hold: the trial and how to repeat it.
    pub violations: Vec<(String, Violation)>,
}

/// How the words of the command line are given.
pub fn usage() -> &'static str {
    "usage: scripts/explore [--runs N] [--seed S] [--every K] [RUNBOOK[@WORLD] …]\n\n\
     Carries out N runs (10000) in the simulator, in turn over all runbooks: first everything in turn (each step\n\
     fails, all is done twice, a kill at each write, each reply lost, throttling, credentials gone), of which\n\
     --every K takes each K-th; then mixtures drawn from seeds that count up from S (1). After each run the invariants\n\
     are looked at. Exit code 1 where one does not hold.\n\
     --only NUMBER carries out the one run of this number, and shows its journal and its faults."
}

/// Carries out trials of all subjects in turn until there are `runs` of them; `every` thins those out that go through
/// everything in turn, and `only` carries out the one with this number.
pub fn explore(
    subjects: &[(String, Subject)],
    runs: usize,
    seed: u64,
    every: usize,
    only: Option<usize>,
    mut told: impl FnMut(&Tally),
) -> Tally {
    let mut tally = Tally::default();
    let plans: Vec<Planned<'_>> =
        subjects.iter().map(|(name, subject)| Planned::of(name, subject, seed, every)).collect();
    for number in 0..runs {
        if only.is_some_and(|only| only != number) {
            continue;
        }
        let Some(planned) = plans.get(number % plans.len().max(1)) else { break };
        let trial = planned.trial(number / plans.len(), seed);
        let report = run(planned.subject, &trial);
        if only.is_some() {
            tally.show(&trial, &report);
        }
        let repeat = format!(
            "scripts/explore --seed {seed} --every {every} --runs {runs} --only {number} {}",
            names(subjects)
        );
        tally.take(&repeat, &trial, report);
        told(&tally);
    }
    tally
}

fn names(subjects: &[(String, Subject)]) -> String {
    subjects.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(" ")
}

/// The trials of one subject.
struct Planned<'subject> {
    subject: &'subject Subject,
    profile: Profile,
    in_turn: Vec<Trial>,
}

impl<'subject> Planned<'subject> {
    fn of(_name: &str, subject: &'subject Subject, seed: u64, every: usize) -> Self {
        let profile = Profile::from(&run(subject, &Trial::quiet(seed, Mode::Drill)));
        let in_turn = systematic(subject, profile, seed).into_iter().step_by(every.max(1)).collect();
        Self { subject, profile, in_turn }
    }

    fn trial(&self, number: usize, seed: u64) -> Trial {
        match self.in_turn.get(number) {
            Some(trial) => trial.clone(),
            None => random(self.subject, self.profile, seed + (number - self.in_turn.len()) as u64),
        }
    }
}

impl Tally {
    fn take(&mut self, repeat: &str, trial: &Trial, report: Report) {
        self.runs += 1;
        self.processes += report.processes;
        self.checked += report.checked;
        *self.outcomes.entry(report.outcome).or_default() += 1;
        for kind in trial.kinds() {
            *self.faults.entry(kind).or_default() += 1;
        }
        self.violations.extend(report.violations.into_iter().map(|violation| (repeat.to_owned(), violation)));
    }

    fn show(&self, trial: &Trial, report: &Report) {
        say!("{}", String::from_utf8_lossy(&report.journal));
        say!("seed {}, {}, kills {:?}", trial.seed, trial.mode.word(), trial.kills);
        say!("{}", trial.faults_file());
    }
}

impl Trial {
    /// What goes wrong in it, a word for each.
    fn kinds(&self) -> Vec<String> {
        let word = |text: String| text.split(['(', ' ', '{']).next().unwrap_or_default().to_owned();
        let aws = self.faults.faults.iter().map(|fault| word(format!("{:?}", fault.kind)));
        let steps = self.faults.steps.iter().map(|fault| format!("step: {:?}", fault.does));
        let kills = self.kills.iter().map(|kill| format!("kill: {:?}", kill.moment));
        aws.chain(steps).chain(kills).collect()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { runs, processes, checked, .. } = self;
        writeln!(
            formatter,
            "{runs} runs in {processes} processes; {checked} times an invariant was looked at"
        )?;
        writeln!(formatter, "invariants: {:?}", Invariant::ALL)?;
        writeln!(formatter, "faults ordered:")?;
        self.faults.iter().try_for_each(|(kind, times)| writeln!(formatter, "  {times:7} {kind}"))?;
        writeln!(formatter, "ended as:")?;
        self.outcomes.iter().try_for_each(|(word, times)| writeln!(formatter, "  {times:7} {word}"))?;
        writeln!(formatter, "{} violations", self.violations.len())?;
        for (repeat, violation) in self.violations.iter().take(40) {
            writeln!(formatter, "  {violation}\n    {repeat}")?;
        }
        Ok(())
    }
}
