//! Which trials there are: everything in turn, and mixtures drawn from a seed.

use super::subject::Subject;
use super::trial::{Report, Trial};
use crate::faults::{Faults, Kill, Moment};
use crate::step_faults::{StepFault, Wrong};
use lifeboat_runbook::plan::Mode;
use lifeboat_sim::chance::Chance;
use lifeboat_sim::fault::{Fault, FaultKind, When};

/// Numbers from a seed, one after the other.
pub(super) struct Dice {
    chance: Chance,
    name: String,
    throws: u64,
}

impl Dice {
    pub(super) fn new(seed: u64, name: &str) -> Self {
        Self { chance: Chance::new(seed), name: name.to_owned(), throws: 0 }
    }

    /// A number below `sides`; 0 where there is none.
    pub(super) fn below(&mut self, sides: u64) -> u64 {
        self.throws += 1;
        let bytes = self.chance.bytes(&["explore", &self.name, &self.throws.to_string()]);
        let number = bytes[..8].iter().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
        number.checked_rem(sides).unwrap_or(0)
    }

    fn of<'all, T>(&mut self, all: &'all [T]) -> Option<&'all T> {
        all.get(usize::try_from(self.below(all.len() as u64)).ok()?)
    }
}

/// How much there is to go wrong in a run of a runbook: what an undisturbed one shows.
#[derive(Clone, Copy, Debug)]
pub struct Profile {
    /// Syncs of the journal.
    pub syncs: u32,
    /// Calls that change something.
    pub changes: u64,
    /// Seconds from beginning to end.
    pub seconds: u64,
}

impl From<&Report> for Profile {
    fn from(report: &Report) -> Self {
        Self { syncs: report.syncs, changes: report.changes, seconds: report.seconds }
    }
}

const MOMENTS: [Moment; 3] = [Moment::Torn, Moment::Before, Moment::After];

/// Everything in turn: each step fails, all is done twice, a kill at each write, each reply lost, throttling, and
/// credentials that go and come back.
pub fn systematic(subject: &Subject, profile: Profile, seed: u64) -> Vec<Trial> {
    let quiet = || Trial::quiet(seed, Mode::Drill);
    let steps = |steps: Vec<StepFault>| Trial { faults: Faults { steps, ..Faults::default() }, ..quiet() };
    let aws = |fault: Fault| Trial { faults: Faults { faults: vec![fault], ..Faults::default() }, ..quiet() };
    let mut trials = vec![quiet()];
    for (step, changes) in subject.actions() {
        trials.push(steps(vec![wrong(&step, Wrong::Fails, &[])]));
        trials.push(steps(vec![wrong(&step, Wrong::Fails, &[1])]));
        if changes {
            trials.push(steps(vec![wrong(&step, Wrong::FailsAfter, &[])]));
            trials.push(steps(vec![wrong(&step, Wrong::UndoFails, &[])]));
        }
    }
    trials.push(steps(vec![wrong("*", Wrong::ActsTwice, &[]), wrong("*", Wrong::UndoneTwice, &[])]));
    for at_sync in 1..=profile.syncs {
        let kills = |moment| vec![Kill { at_sync, moment }];
        trials.extend(MOMENTS.map(|moment| Trial { kills: kills(moment), ..quiet() }));
    }
    for change in 1..=profile.changes {
        trials.push(aws(any_call(When::Changes(vec![change]), FaultKind::ReplyLost)));
    }
    trials.push(aws(any_call(When::Probability(0.3), FaultKind::Throttle)));
    for from_s in (0..profile.seconds).step_by(usize::try_from(profile.seconds / 12).unwrap_or(0).max(1)) {
        let when = When::During { from_s, to_s: Some(from_s + 600) };
        trials.push(aws(any_call(when, FaultKind::CredentialsGone)));
    }
    trials
}

/// A mixture drawn from a seed.
pub fn random(subject: &Subject, profile: Profile, seed: u64) -> Trial {
    let mut dice = Dice::new(seed, "trial");
    let mode = if dice.below(5) == 0 { Mode::Recovery } else { Mode::Drill };
    let mut trial = Trial::quiet(seed, mode);
    for _ in 0..dice.below(4) {
        trial.faults.faults.push(aws_fault(&mut dice, profile));
    }
    for _ in 0..dice.below(3) {
        trial.faults.steps.extend(step_fault(&mut dice, subject));
    }
    for _ in 0..dice.below(4) {
        let at_sync = 1 + u32::try_from(dice.below(u64::from(profile.syncs))).unwrap_or(0);
        let moment = dice.of(&MOMENTS).copied().unwrap_or(Moment::Before);
        trial.kills.push(Kill { at_sync, moment });
    }
    trial
}

fn aws_fault(dice: &mut Dice, profile: Profile) -> Fault {
    let change = When::Changes(vec![1 + dice.below(profile.changes + 2)]);
    let from_s = dice.below(profile.seconds.max(1));
    let lasting = When::During { from_s, to_s: Some(from_s + 60 + dice.below(3600)) };
    let sometimes = When::Probability([0.02, 0.1, 0.3][usize::try_from(dice.below(3)).unwrap_or(0)]);
    let error = |code: &str, status| {
        let (code, message) = (code.to_owned(), "injected".to_owned());
        FaultKind::Error { code, status, message }
    };
    match dice.below(10) {
        0 | 1 => any_call(change, FaultKind::ReplyLost),
        2 => any_call(change, FaultKind::Latency(45_000)),
        3 => any_call(sometimes, FaultKind::Throttle),
        4 => any_call(sometimes, error("InternalFailure", 500)),
        5 => any_call(lasting, FaultKind::CredentialsGone),
        6 => any_call(sometimes, FaultKind::StaleRead(20)),
        7 => any_call(change, FaultKind::FinalState("incompatible-network".to_owned())),
        8 => any_call(change, error("InvalidParameterCombination", 400)),
        _ => any_call(sometimes, FaultKind::ReplyLost),
    }
}

fn step_fault(dice: &mut Dice, subject: &Subject) -> Option<StepFault> {
    let actions = subject.actions();
    let (step, _) = dice.of(&actions)?;
    let attempts: &[u32] = if dice.below(2) == 0 { &[] } else { &[1] };
    Some(match dice.below(6) {
        0 | 1 => wrong(step, Wrong::Fails, attempts),
        2 => wrong(step, Wrong::FailsAfter, attempts),
        3 => wrong("*", Wrong::ActsTwice, &[]),
        4 => wrong("*", Wrong::UndoneTwice, &[]),
        _ => wrong(step, Wrong::UndoFails, attempts),
    })
}

fn wrong(step: &str, does: Wrong, attempts: &[u32]) -> StepFault {
    StepFault { step: step.to_owned(), attempts: attempts.to_vec(), does }
}

fn any_call(when: When, kind: FaultKind) -> Fault {
    Fault { service: "*".to_owned(), operation: "*".to_owned(), when, kind }
}
