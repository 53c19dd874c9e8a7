//! The beginning of a run: what its first event says, and what refuses it outright.

use crate::action::{ActionError, Values};
use crate::chart::Chart;
use crate::driver::Identity;
use crate::guard::{Matcher, Permitted};
use crate::hands::may_answer_elsewhere;
use crate::locking;
use crate::log::{JournalLost, RunLog};
use crate::perform::as_failure;
use crate::scope::{RunScope, mark_of};
use crate::target::{self, Aiming, Unknown};
use chrono::{DateTime, TimeDelta, Utc};
use lifeboat_journal::event::{
    Cloud, Draft, EventKind, FORMAT, Failure, Playbook, ProbeOutline, RunStarted, SEMANTICS, SourceDigest,
    StepOutline, effect_word,
};
use lifeboat_journal::state::RunState;
use lifeboat_journal::target::{Access, AccountChecked, Target};
use lifeboat_runbook::expression::ExpressionError;
use lifeboat_runbook::id::StepPath;
use lifeboat_runbook::notice;
use lifeboat_runbook::plan::{AllowedResource, Mode, Plan, Probe, Step, Work};
use lifeboat_runbook::spec::Catalog;
use lifeboat_runbook::template::Template;
use std::collections::{BTreeMap, BTreeSet};

mod people;

pub use people::{RoleError, assignments, roles};

/// What a run is started with.
#[derive(Clone, Debug)]
pub struct Start {
    /// Drill or recovery.
    pub mode: Mode,
    /// Which AWS.
    pub cloud: Cloud,
    /// The inputs, defaults included.
    pub inputs: Values,
    /// Lifeboat's version.
    pub version: String,
    /// Who starts it.
    pub operator: String,
    /// On which machine.
    pub host: String,
    /// SHA-256 of each source, hexadecimal, in the order of the plan.
    pub digests: Vec<String>,
    /// When service was lost, as the operator says.
    pub disrupted_at: Option<DateTime<Utc>>,
    /// The head of the run before in the same home.
    pub previous_head: Option<String>,
    /// The Region to use where the runbook names none.
    pub default_region: Option<String>,
    /// Who holds which role.
    pub roles: BTreeMap<String, String>,
    /// The people whom the project knows by name: ARNs, patterns of ARNs, or names of users.
    pub people: BTreeMap<String, Vec<String>>,
    /// The target of `lifeboat.yaml` that it is started for: `--target`.
    pub target: Option<String>,
}

/// What a run is for: account, Region, credentials.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aim {
    /// The only account it may act in; nothing where the runbook names none.
    pub account: Option<String>,
    /// The Region.
    pub region: String,
    /// The named Regions.
    pub regions: BTreeMap<String, String>,
    /// Whose credentials act.
    pub access: Access,
}

impl Aim {
    /// As a run began.
    pub fn of(started: &RunStarted) -> Self {
        Self {
            account: Some(started.account.clone()).filter(|account| !account.is_empty()),
            region: started.region.clone(),
            regions: started.regions.clone(),
            access: started.access.clone(),
        }
    }

    /// As a target, with the account as far as it is known.
    pub fn target(&self) -> Target {
        Target {
            account: self.account.clone().unwrap_or_default(),
            region: self.region.clone(),
            access: self.access.clone(),
        }
    }

    /// Where STS is asked who we are: the Region itself, then the others.
    pub fn asked_in(&self) -> Vec<String> {
        let others = self.regions.values().filter(|region| **region != self.region);
        std::iter::once(&self.region).chain(others).cloned().collect()
    }
}

/// Who AWS says we are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The account id.
    pub account: String,
    /// The ARN.
    pub arn: String,
    /// The ARN before a role was assumed, where one was.
    pub before: Option<String>,
}

/// The account and Region of the runbook's `target`, with the inputs known.
///
/// # Errors
/// Where an expression of it cannot be evaluated, or no Region is named anywhere.
pub fn aim(plan: &Plan, catalog: &Catalog, start: &Start, now: DateTime<Utc>) -> Result<Aim, ActionError> {
    let state = preview(plan, start);
    let chart = Chart::default();
    let scope = scope(plan, &chart, catalog, &state, now);
    let text = |template: &Template| template.evaluate(&scope).map(|value| Some(value.to_string()));
    let mut aiming = Aiming { region: start.default_region.clone(), ..Aiming::default() };
    let wrong = |unknown: Unknown| match unknown {
        Unknown::Wrong(error) => error,
        Unknown::Later => ActionError::refused("target", "the target depends on what is not known yet"),
    };
    aiming.lay(&plan.target, start.mode, plan, &text).map_err(wrong)?;
    if let Some(name) = &start.target {
        let before = aiming.account.clone();
        aiming.lay(target::named(plan, name)?, start.mode, plan, &text).map_err(wrong)?;
        if let (Some(before), Some(account)) = (before, &aiming.account)
            && before != *account
        {
            let message = format!("the runbook is for {before}, and the target `{name}` is {account}");
            return Err(ActionError::refused("wrong_account", message)
                .hint("take `account` out of the runbook's `target`, or choose another target"));
        }
    }
    let (access, account) = (aiming.access()?, aiming.account);
    let region = aiming.region.ok_or_else(target::no_region)?;
    Ok(Aim { account, region, regions: aiming.regions, access })
}

/// The profile of the AWS configuration that the run's own target names.
///
/// # Errors
/// When it names a target that there is not.
pub fn profile(plan: &Plan, target: Option<&str>) -> Result<Option<String>, ActionError> {
    let named = target.or(plan.target.name.as_deref());
    let named = named.map(|name| target::named(plan, name)).transpose()?;
    Ok(named.and_then(|named| named.profile.clone()))
}

/// Asks who acts at a target, in one Region after the other: one that is being left may be dead.
///
/// # Errors
/// What the last of them said.
pub async fn who(
    identity: &dyn Identity,
    target: &Target,
    regions: &[String],
) -> Result<Caller, ActionError> {
    let mut outcome = identity.caller(target).await;
    for region in regions.iter().filter(|region| **region != target.region) {
        match &outcome {
            Err(error) if may_answer_elsewhere(error) => {
                outcome = identity.caller(&Target { region: region.clone(), ..target.clone() }).await;
            }
            _ => break,
        }
    }
    outcome
}

/// Why these credentials may not act in an account.
pub(crate) fn wrong_account(account: &str, caller: &Caller) -> Option<Failure> {
    (caller.account != account).then(|| Failure {
        code: "wrong_account".to_owned(),
        message: format!("these credentials belong to {}, and not to {account}", caller.account),
        hint: Some(format!("log in to {account}, or name a role in it; you are {}", caller.arn)),
        refused: true,
    })
}

/// Asks of every target of a step that is known already whether its credentials belong to the right account, and
/// refuses the run where they do not. What no Region answers is asked again before it is used.
///
/// # Errors
/// When the journal cannot be written.
pub async fn guard_steps(
    log: &RunLog,
    plan: &Plan,
    catalog: &Catalog,
    identity: &dyn Identity,
) -> Result<(), JournalLost> {
    let state = log.with_state(Clone::clone);
    let Some(started) = state.started.as_deref().filter(|_| state.refused.is_none()) else { return Ok(()) };
    let mut asked = BTreeSet::from([(started.account.clone(), started.access.clone())]);
    for (path, aiming) in targets(plan, catalog, &state, started) {
        let target = aiming.and_then(|aiming| Ok((aiming.asked_in(), aiming.target()?)));
        let outcome = match target {
            Err(error) => Err(error),
            Ok((regions, target)) => {
                if !asked.insert((target.account.clone(), target.access.clone())) {
                    continue;
                }
                who(identity, &target, &regions).await.map(|caller| (target, caller))
            }
        };
        let refused = match outcome {
            Ok((target, caller)) => match wrong_account(&target.account, &caller) {
                Some(wrong) => wrong,
                None => {
                    let checked = AccountChecked { target, caller: caller.arn };
                    log.append(vec![Draft::run(EventKind::AccountChecked(Box::new(checked)))])?;
                    continue;
                }
            },
            Err(error) if may_answer_elsewhere(&error) => continue,
            Err(error) => Failure { refused: true, ..as_failure(error) },
        };
        let error = Failure { message: format!("{path}: {}", refused.message), ..refused };
        let kind = EventKind::CheckFailed { check: "account".to_owned(), error, then: "refuse".to_owned() };
        return log.append(vec![Draft::run(kind)]);
    }
    Ok(())
}

/// The targets of the steps that may run in this mode, as far as they are known before the first of them does.
fn targets(
    plan: &Plan,
    catalog: &Catalog,
    state: &RunState,
    started: &RunStarted,
) -> Vec<(StepPath, Result<Aiming, ActionError>)> {
    let chart = Chart::of(plan);
    let scope = scope(plan, &chart, catalog, state, state.last.map(|last| last.at).unwrap_or_default());
    let text = |own: &StepPath, template: &Template| {
        // What cannot be evaluated yet belongs to an item or a step that has not run.
        Ok(template.evaluate(&scope.of(own)).ok().map(|value| value.to_string()))
    };
    let steps = plan.every_step().into_iter().filter(|step| step.action().is_some());
    let runs = |step: &&Step| chart.around(plan, &step.path).iter().all(|step| step.may_run_in(started.mode));
    steps
        .filter(runs)
        .filter_map(|step| match target::aimed(plan, &chart, started, &step.path, &text) {
            Ok(None) | Err(Unknown::Later) => None,
            Ok(Some(aiming)) => Some((step.path.clone(), Ok(aiming))),
            Err(Unknown::Wrong(error)) => Some((step.path.clone(), Err(error))),
        })
        .collect()
}

/// `allow` of the runbook, with its values known.
///
/// # Errors
/// Where an expression of it cannot be evaluated.
pub fn permitted(
    plan: &Plan,
    catalog: &Catalog,
    state: &RunState,
    now: DateTime<Utc>,
) -> Result<Vec<Permitted>, ActionError> {
    let chart = Chart::default();
    let scope = scope(plan, &chart, catalog, state, now);
    let text = |template: &Template| template.evaluate(&scope).map(|value| value.to_string()).map_err(refuse);
    plan.allow
        .iter()
        .map(|allow| {
            let matcher = match &allow.resource {
                AllowedResource::Id(id) => Matcher::Id(text(id)?),
                AllowedResource::Arn(arn) => Matcher::Arn(text(arn)?),
                AllowedResource::Tag(tag) => {
                    let tag = text(tag)?;
                    let (key, value) = tag.split_once('=').unwrap_or((&tag, ""));
                    Matcher::Tag(key.to_owned(), value.to_owned())
                }
            };
            Ok(Permitted { matcher, actions: allow.actions.clone() })
        })
        .collect()
}

/// `concurrency.key` of the runbook, with its values known; nothing where it wants no lock.
///
/// # Errors
/// Where an expression of it cannot be evaluated.
pub fn lock_key(
    plan: &Plan,
    catalog: &Catalog,
    start: &Start,
    aim: &Aim,
    now: DateTime<Utc>,
) -> Result<Option<String>, ActionError> {
    if plan.concurrency.is_none() {
        return Ok(None);
    }
    let mut state = RunState::default();
    state.started = Some(Box::new(first(plan, start, aim, None)));
    let chart = Chart::default();
    locking::key(plan, &scope(plan, &chart, catalog, &state, now)).map(Some)
}

/// The names that are known before the first step.
pub(crate) fn scope<'run>(
    plan: &'run Plan,
    chart: &'run Chart,
    catalog: &'run Catalog,
    state: &'run RunState,
    now: DateTime<Utc>,
) -> RunScope<'run> {
    RunScope { plan, chart, catalog, state, own: None, item: None, own_outputs: None, keyring: None, now }
}

fn refuse(error: ExpressionError) -> ActionError {
    let mut refused = ActionError::refused("expression", error.message);
    refused.hint = error.help;
    refused
}

/// A state that knows the inputs and nothing else, for expressions that come before the first event.
fn preview(plan: &Plan, start: &Start) -> RunState {
    let aim = Aim::default();
    let mut state = RunState::default();
    state.started = Some(Box::new(first(plan, start, &aim, None)));
    state.roles = start.roles.clone();
    state
}

/// Writes the first event, and a refusal behind it where the account is not the right one or nobody is logged in.
///
/// # Errors
/// When the journal cannot be written.
pub fn begin(
    log: &RunLog,
    plan: &Plan,
    start: &Start,
    aim: &Aim,
    caller: &Result<Caller, ActionError>,
) -> Result<(), JournalLost> {
    let started = first(plan, start, aim, caller.as_ref().ok());
    let warnings = people::warnings(plan, &started, &start.roles);
    let mut drafts = vec![Draft::run(EventKind::RunStarted(Box::new(started)))];
    drafts.extend(people::assignments(&start.roles));
    drafts.extend(warnings.into_iter().map(Draft::run));
    log.append(drafts)?;
    let Some(error) = account_guard(aim, caller) else { return Ok(()) };
    let check = "account".to_owned();
    log.append(vec![Draft::run(EventKind::CheckFailed { check, error, then: "refuse".to_owned() })])
}

fn account_guard(aim: &Aim, caller: &Result<Caller, ActionError>) -> Option<Failure> {
    let refuse = |code: &str, message: String, hint: Option<String>| {
        Some(Failure { code: code.to_owned(), message, hint, refused: true })
    };
    match (caller, &aim.account) {
        (Err(error), _) => {
            refuse(&error.code, format!("nobody could say who we are: {}", error.message), error.hint.clone())
        }
        (Ok(caller), Some(account)) if caller.account != *account => refuse(
            "wrong_account",
            format!("these credentials belong to {}, and the runbook is for {account}", caller.account),
            Some(format!("log in to {account}, or choose another profile; you are {}", caller.arn)),
        ),
        (Ok(_), _) => None,
    }
}

fn first(plan: &Plan, start: &Start, aim: &Aim, caller: Option<&Caller>) -> RunStarted {
    let sources = plan.sources.iter().zip(&start.digests);
    let account = caller.map(|caller| caller.account.clone()).or_else(|| aim.account.clone());
    RunStarted {
        format: FORMAT.to_owned(),
        semantics: SEMANTICS,
        version: start.version.clone(),
        runbook: plan.name.clone(),
        title: plan.title.clone(),
        sources: sources
            .map(|(source, sha256)| SourceDigest { name: source.name.clone(), sha256: sha256.clone() })
            .collect(),
        mode: start.mode,
        cloud: start.cloud.clone(),
        inputs: start.inputs.clone(),
        account: account.unwrap_or_default(),
        region: aim.region.clone(),
        regions: aim.regions.clone(),
        caller: caller.map(|caller| caller.before.clone().unwrap_or_else(|| caller.arn.clone())),
        access: aim.access.clone(),
        acts_as: caller.filter(|caller| caller.before.is_some()).map(|caller| caller.arn.clone()),
        operator: start.operator.clone(),
        host: start.host.clone(),
        rto_objective_s: plan.objectives.rto.map(seconds),
        rpo_objective_s: plan.objectives.rpo.map(seconds),
        loss: RunStarted::loss_word(plan.loss).to_owned(),
        disrupted_at: start.disrupted_at,
        steps: outlines(plan),
        probes: probe_outlines(plan),
        previous_head: start.previous_head.clone(),
        playbook: plan.playbook.as_ref().map(|said| playbook(plan, said, start)),
        people: start.people.clone(),
    }
}

/// The probes, as the journal keeps them.
pub fn probe_outlines(plan: &Plan) -> Vec<ProbeOutline> {
    let outline = |probe: &Probe| {
        let path = &probe.look.path;
        let marks = probe.marks.iter();
        ProbeOutline {
            path: path.clone(),
            action: probe.look.action().unwrap_or_default().to_owned(),
            every_s: seconds(probe.every),
            hold_s: seconds(probe.hold.unwrap_or_default()),
            marks: marks
                .map(|(moment, mark)| (moment.word().to_owned(), mark_of(path.file(), mark.as_str())))
                .collect(),
        }
    };
    plan.every_probe().into_iter().map(outline).collect()
}

/// What a playbook says besides; an alarm whose name cannot be worked out yet stands as it is written.
fn playbook(plan: &Plan, said: &notice::Playbook, start: &Start) -> Playbook {
    let (chart, catalog) = (Chart::default(), Catalog::default());
    let mut state = RunState::default();
    state.roles = start.roles.clone();
    let scope = scope(plan, &chart, &catalog, &state, DateTime::UNIX_EPOCH);
    let trigger = |alarm: &Template| {
        let written = || plan.sources.first().and_then(|source| source.text.get(alarm.range.clone()));
        alarm
            .evaluate(&scope)
            .map_or_else(|_| written().unwrap_or_default().to_owned(), |name| name.to_string())
    };
    Playbook {
        severity: said.severity.clone(),
        triggers: said.triggers.iter().map(trigger).collect(),
        updates_every_s: said.updates.as_ref().map(|updates| seconds(updates.every)),
        updates_to: said.updates.as_ref().and_then(|updates| updates.to.clone()),
    }
}

fn seconds(duration: TimeDelta) -> f64 {
    duration.num_milliseconds() as f64 / 1000.0
}

/// The tree of steps, as the journal keeps it.
pub fn outlines(plan: &Plan) -> Vec<StepOutline> {
    let mut steps = Vec::new();
    for list in plan.lists() {
        outline(list, None, &mut steps);
    }
    steps
}

fn outline(steps: &[Step], parent: Option<&Step>, outlines: &mut Vec<StepOutline>) {
    for step in steps {
        outlines.push(StepOutline {
            path: step.path.clone(),
            name: step.name.clone(),
            kind: step.kind().to_owned(),
            action: step.action().map(str::to_owned),
            effect: effect_word(step.effect),
            parent: parent.map(|parent| parent.path.clone()),
            expect_s: expected(step),
            marks: step
                .marks
                .iter()
                .map(|(moment, mark)| {
                    (format!("{moment:?}").to_lowercase(), mark_of(step.path.file(), mark.as_str()))
                })
                .collect(),
            expect_source: step.expect_source.clone(),
            conditional: step.condition.is_some(),
            only_in: step.only_in(),
            needs: step.needs.clone(),
        });
        for list in step.lists() {
            outline(list, Some(step), outlines);
        }
    }
}

/// How long a step is expected to take, in seconds; a group as long as what it holds. Nothing where that is not known,
/// as of a loop, whose items are not.
fn expected(step: &Step) -> Option<f64> {
    if let Some(said) = step.expect {
        return Some(said.num_milliseconds() as f64 / 1000.0);
    }
    match &step.work {
        Work::Sequence(steps) => steps.iter().map(expected).sum(),
        Work::Runbook { plan, .. } => plan.steps.iter().map(expected).sum(),
        Work::Parallel(steps) => {
            let mut ends = BTreeMap::new();
            // Each step comes behind those it needs once every other one has been counted.
            for _ in steps {
                for step in steps {
                    let begins = step.needs.iter().map(|need| ends.get(need).copied().unwrap_or(0.0));
                    ends.insert(&step.path, begins.fold(0.0, f64::max) + expected(step)?);
                }
            }
            ends.into_values().reduce(f64::max)
        }
        Work::Pause(time) => Some(time.num_milliseconds() as f64 / 1000.0),
        _ => None,
    }
}

/// Why this version cannot execute a plan though it can check it; one plain sentence.
pub fn not_yet(plan: &Plan) -> Option<String> {
    let mut features: Vec<&str> = plan.not_yet.iter().map(|not_yet| not_yet.feature.as_str()).collect();
    features.dedup();
    (!features.is_empty()).then(|| {
        let features = features.join(", ");
        format!("this version of Lifeboat checks {features}, but does not execute it yet")
    })
}
