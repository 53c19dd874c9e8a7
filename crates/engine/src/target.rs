//! Where a step acts and as whom: the run's own target, unless the step, or a group around it, says otherwise.

use crate::action::ActionError;
use crate::chart::Chart;
use crate::scope::RunScope;
use lifeboat_journal::event::RunStarted;
use lifeboat_journal::target::{Access, Target};
use lifeboat_runbook::expression::ExpressionError;
use lifeboat_runbook::id::StepPath;
use lifeboat_runbook::plan::{self, Mode, Plan, Step, TargetRole};
use lifeboat_runbook::suggestion::nearest;
use lifeboat_runbook::template::Template;
use std::collections::BTreeMap;

/// A target while it is being worked out, layer by layer: what a later layer does not say is as in the one before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aiming {
    /// The account; nothing where nobody names one.
    pub account: Option<String>,
    /// The Region; nothing where nobody names one.
    pub region: Option<String>,
    /// The named Regions.
    pub regions: BTreeMap<String, String>,
    /// The profile of the AWS configuration.
    pub profile: Option<String>,
    /// The role as it was written: a name, or an ARN.
    pub role: Option<String>,
    /// What the role's trust policy wants to be told.
    pub external_id: Option<String>,
}

/// Evaluates a text of a target; nothing where what it needs comes later.
pub(crate) type Text<'scope> = &'scope dyn Fn(&Template) -> Result<Option<String>, ExpressionError>;

/// The same as a step sees it: the expressions of a group are the group's.
pub(crate) type TextOf<'scope> =
    &'scope dyn Fn(&StepPath, &Template) -> Result<Option<String>, ExpressionError>;

/// Why a target is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// It depends on a step that has not run.
    Later,
    /// It cannot be.
    Wrong(ActionError),
}

impl From<ExpressionError> for Unknown {
    fn from(error: ExpressionError) -> Self {
        let mut refused = ActionError::refused("expression", error.message);
        refused.hint = error.help;
        Self::Wrong(refused)
    }
}

impl Aiming {
    /// As the run began.
    pub(crate) fn of(started: &RunStarted) -> Self {
        let Access { profile, role, external_id } = started.access.clone();
        Self {
            account: Some(started.account.clone()).filter(|account| !account.is_empty()),
            region: Some(started.region.clone()),
            regions: started.regions.clone(),
            profile,
            role,
            external_id,
        }
    }

    /// The same Regions and names, with where a step began.
    pub(crate) fn instead(mut self, target: &Target) -> Self {
        let Access { profile, role, external_id } = target.access.clone();
        self.account = Some(target.account.clone()).filter(|account| !account.is_empty());
        self.region = Some(target.region.clone());
        (self.profile, self.role, self.external_id) = (profile, role, external_id);
        self
    }

    /// Lays a `target` over it.
    pub(crate) fn lay(
        &mut self,
        target: &plan::Target,
        mode: Mode,
        plan: &Plan,
        text: Text<'_>,
    ) -> Result<(), Unknown> {
        if let Some(name) = &target.name {
            let (before, known) = (std::mem::take(self), named(plan, name).map_err(Unknown::Wrong)?);
            self.region = before.region;
            self.lay(known, mode, plan, text)?;
        }
        let text = |template: &Option<Template>| match template {
            None => Ok(None),
            Some(template) => text(template)?.map(Some).ok_or(Unknown::Later),
        };
        if let Some(account) = text(&target.account)? {
            self.other_account(account)?;
        }
        if !target.regions.is_empty() {
            self.regions.clear();
        }
        for (name, region) in &target.regions {
            let region = text(&Some(region.clone()))?.unwrap_or_default();
            self.regions.insert(name.clone(), region);
        }
        let primary = self.regions.get("primary").filter(|_| !target.regions.is_empty()).cloned();
        if let Some(region) = text(&target.region)?.or(primary) {
            self.region = Some(self.region_called(&region)?);
        }
        if let Some(TargetRole { drill, recovery, external_id }) = &target.role {
            let role = if mode == Mode::Drill { drill } else { recovery };
            self.role = text(role)?;
            self.external_id = text(external_id)?.filter(|_| self.role.is_some());
        }
        if target.profile.is_some() {
            self.profile.clone_from(&target.profile);
        }
        Ok(())
    }

    /// A role of another account that was written as an ARN is not that of this one.
    fn other_account(&mut self, account: String) -> Result<(), Unknown> {
        let role = self.role.as_deref().filter(|_| self.account.as_ref() != Some(&account));
        if let Some(name) = role.map(|role| lifeboat_journal::target::role_name(role).to_owned()) {
            self.role = Some(name);
        }
        self.account = Some(account);
        Ok(())
    }

    /// The Region of this name: one of the named, or one of AWS.
    pub(crate) fn region_called(&self, region: &str) -> Result<String, Unknown> {
        if let Some(named) = self.regions.get(region) {
            return Ok(named.clone());
        }
        if plan::is_region(region) {
            return Ok(region.to_owned());
        }
        let refused = ActionError::refused("no_region", format!("`{region}` is no Region"));
        let help = match nearest(region, self.regions.keys().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "write a Region such as `eu-west-1`, or a name of `target.regions`".to_owned(),
        };
        Err(Unknown::Wrong(refused.hint(help)))
    }

    /// Whose credentials act.
    pub(crate) fn access(&self) -> Result<Access, ActionError> {
        let role = match (&self.role, &self.account) {
            (None, _) => None,
            (Some(role), _) if role.starts_with("arn:") => Some(role.clone()),
            (Some(role), Some(account)) => {
                let partition = partition(self.region.as_deref().unwrap_or_default());
                Some(format!("arn:{partition}:iam::{account}:role/{role}"))
            }
            (Some(role), None) => {
                let message = format!("the role `{role}` is named, and no account that it is in");
                return Err(ActionError::refused("no_account", message)
                    .hint("name the account in `target`, or write the role's ARN"));
            }
        };
        Ok(Access { profile: self.profile.clone(), role, external_id: self.external_id.clone() })
    }

    /// The target it has become.
    pub(crate) fn target(&self) -> Result<Target, ActionError> {
        let region = self.region.clone().ok_or_else(no_region)?;
        Ok(Target { account: self.account.clone().unwrap_or_default(), region, access: self.access()? })
    }

    /// Where STS is asked: the Region itself, then the others. One that is being left may be dead.
    pub fn asked_in(&self) -> Vec<String> {
        let others = self.regions.values().filter(|region| Some(*region) != self.region.as_ref());
        self.region.iter().chain(others).cloned().collect()
    }
}

pub(crate) fn no_region() -> ActionError {
    ActionError::refused("no_region", "no Region is named")
        .hint("name it in the runbook (`target: { region: eu-west-1 }`) or with --region")
}

/// The target called `name` in `lifeboat.yaml`.
///
/// # Errors
/// When there is none of that name.
pub fn named<'plan>(plan: &'plan Plan, name: &str) -> Result<&'plan plan::Target, ActionError> {
    let Some(project) = &plan.project else {
        return Err(ActionError::refused(
            "no_target",
            format!("there is no lifeboat.yaml that names `{name}`"),
        )
        .hint("put one beside the runbook or in a directory above, with `targets:`"));
    };
    project.targets.get(name).ok_or_else(|| {
        let known = || project.targets.keys().map(String::as_str);
        let help = match nearest(name, known()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("it names {}", known().collect::<Vec<_>>().join(", ")),
        };
        ActionError::refused("no_target", format!("lifeboat.yaml names no target `{name}`")).hint(help)
    })
}

/// AWS in China and for governments has ARNs of its own
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>).
fn partition(region: &str) -> &'static str {
    match region {
        region if region.starts_with("cn-") => "aws-cn",
        region if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

/// The steps that a step is inside of, the outermost first and itself last, each with its path in the run.
pub(crate) fn layers<'plan>(
    plan: &'plan Plan,
    chart: &Chart,
    path: &StepPath,
) -> Vec<(StepPath, &'plan Step)> {
    // What takes a step back acts where the step did.
    let path = StepPath::new(path.as_str().replace("undo:", ""));
    let around = chart.around(plan, &path);
    around.into_iter().filter_map(|step| Some((path.outer(&step.path)?, step))).collect()
}

/// Where the step at `path` acts, for whom a scope can be made; nothing where that is the run's own target.
pub(crate) fn of_step(
    plan: &Plan,
    chart: &Chart,
    started: &RunStarted,
    path: &StepPath,
    scope: &RunScope<'_>,
) -> Result<Option<Aiming>, ActionError> {
    let evaluate = |own: &StepPath, template: &Template| {
        template.evaluate(&scope.of(own)).map(|value| Some(value.to_string()))
    };
    match aimed(plan, chart, started, path, &evaluate) {
        Ok(aiming) => Ok(aiming),
        Err(Unknown::Wrong(error)) => Err(error),
        Err(Unknown::Later) => Err(ActionError::failed("target", "its target is not known yet")),
    }
}

/// The same with whatever evaluates templates.
pub(crate) fn aimed(
    plan: &Plan,
    chart: &Chart,
    started: &RunStarted,
    path: &StepPath,
    evaluate: TextOf<'_>,
) -> Result<Option<Aiming>, Unknown> {
    let mut aiming = None;
    for (own, step) in layers(plan, chart, path) {
        if step.target.is_none() && step.region.is_none() {
            continue;
        }
        let aiming = aiming.get_or_insert_with(|| Aiming::of(started));
        let text = |template: &Template| evaluate(&own, template);
        if let Some(target) = &step.target {
            aiming.lay(target, started.mode, plan, &text)?;
        }
        if let Some(region) = &step.region {
            let region = text(region)?.ok_or(Unknown::Later)?;
            aiming.region = Some(aiming.region_called(&region)?);
        }
    }
    Ok(aiming)
}
