//! Which AWS, which database, which clock: the rooms put together for a simulated run and for a real one.

use crate::connect_to::ProbeArguments;
use crate::error::CommandError;
use crate::home::environment;
use crate::logins::Logins;
use crate::secrets::Secrets;
use crate::session;
use crate::simulated_ports;
use crate::step_faults::{Injector, StepFault};
use chrono::{DateTime, Utc};
use lifeboat_aws::iam::{self, Denied, Question};
use lifeboat_aws::{Aws, Mfa, Topics};
use lifeboat_engine::action::ActionError;
use lifeboat_engine::clock::Clock;
use lifeboat_engine::lock::RunLock;
use lifeboat_engine::meddle::Meddler;
use lifeboat_engine::notify::{Notifiers, Outbox};
use lifeboat_engine::record::RecordSource;
use lifeboat_engine::registry::Registry;
use lifeboat_engine::start::{Aim, Caller};
use lifeboat_journal::chain;
use lifeboat_journal::event::Cloud;
use lifeboat_runbook::notice::Channel;
use lifeboat_runbook::spec::Catalog;
use lifeboat_sim::fault::Fault;
use lifeboat_sim::{SimClock, SimHttpClient, Simulator, WorldDefinition, WorldEntry, WorldLog};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// Every action a runbook may name in this build.
pub(crate) fn catalog() -> Catalog {
    Catalog::new(lifeboat_aws::catalog().into_iter().chain(lifeboat_probe::catalog()))
}

/// A cloud to act in.
pub(crate) struct Wiring {
    /// Which it is.
    pub(crate) cloud: Cloud,
    /// The time in it.
    pub(crate) clock: Clock,
    /// What can be done in it.
    pub(crate) registry: Registry,
    /// What `notify.send` sends by, once there is a run.
    pub(crate) outbox: Arc<Outbox>,
    /// Who tells people; nobody in a simulation.
    pub(crate) notifiers: Option<Notifiers>,
    aws: Arc<Aws>,
    logins: Arc<Logins>,
}

impl Wiring {
    /// Takes the credentials that the run is to act with; who AWS says they are.
    pub(crate) async fn enter(&mut self, aim: &Aim) -> Result<Caller, ActionError> {
        let (target, regions) = (aim.target(), aim.asked_in());
        let caller = self.logins.who(&target, &regions).await?;
        self.aws = self.logins.aws(&target).await?;
        self.registry = self.logins.actions(&self.aws);
        Ok(caller)
    }

    /// Whose credentials these are before any role is assumed, asked in a Region.
    pub(crate) async fn caller(&self, region: &str) -> Result<Caller, ActionError> {
        let identity = lifeboat_aws::sts::caller_identity(&self.aws, region).await?;
        Ok(Caller { account: identity.account, arn: identity.arn, before: None })
    }

    /// What IAM does not permit a principal, asked with the credentials of the run.
    pub(crate) async fn permissions(
        &self,
        region: &str,
        principal: &str,
        questions: &[Question],
    ) -> Result<BTreeSet<Denied>, ActionError> {
        iam::simulate(&self.aws, region, principal, questions).await
    }

    /// Where secrets are read.
    pub(crate) fn secrets(&self) -> Arc<Secrets> {
        Arc::new(Secrets(self.aws.clone()))
    }

    /// Everything in a Region that carries the tags of a run.
    pub(crate) async fn leftovers(&self, region: &str) -> lifeboat_aws::leftovers::Found {
        lifeboat_aws::leftovers::find(&self.aws, region).await
    }

    /// Where runs take their locks.
    pub(crate) fn locks(&self) -> Arc<dyn RunLock> {
        Arc::new(lifeboat_aws::ssm::Locks(self.aws.clone()))
    }

    /// Who says whose credentials these are, and what acts with others.
    pub(crate) fn logins(&self) -> Arc<Logins> {
        self.logins.clone()
    }

    /// The same with these steps going wrong.
    pub(crate) fn with_step_faults(mut self, faults: &[StepFault]) -> Self {
        if !faults.is_empty() {
            let injector: Arc<dyn Meddler> = Arc::new(Injector(faults.to_vec()));
            self.logins.meddle(injector);
            self.registry = self.logins.actions(&self.aws);
        }
        self
    }

    /// The Region of the profile or the environment.
    pub(crate) fn default_region(&self) -> Option<String> {
        self.aws.default_region()
    }
}

/// Which simulated world a run is in: enough to build it again. The world's own file is not copied, because what it
/// says of its secrets belongs nowhere else.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct WorldReference {
    /// The name of an embedded world, or the absolute path of a world file.
    pub(crate) world: String,
    /// The SHA-256 of its definition, without these faults.
    pub(crate) sha256: String,
    /// What goes wrong besides.
    pub(crate) faults: Vec<Fault>,
    /// Which steps go wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) steps: Vec<StepFault>,
}

impl WorldReference {
    /// The world called `name`, an embedded one or a world file, with these faults.
    pub(crate) fn of(name: &str, faults: Vec<Fault>) -> Result<(Self, WorldDefinition), CommandError> {
        let path = Path::new(name);
        let is_path = path.is_file() || name.contains(['/', '.']);
        let definition = if is_path {
            world_file(path)?
        } else {
            WorldDefinition::named(name).map_err(|error| {
                CommandError::usage(error.to_string()).hint("or give the path of a world file")
            })?
        };
        let world = match path.canonicalize() {
            Ok(path) if path.is_file() => path.display().to_string(),
            _ => name.to_owned(),
        };
        let reference = Self { world, sha256: digest(&definition)?, faults, steps: Vec::new() };
        let definition = reference.with_faults(definition)?;
        Ok((reference, definition))
    }

    /// The same world again.
    pub(crate) fn again(&self) -> Result<WorldDefinition, CommandError> {
        let (found, definition) = Self::of(&self.world, self.faults.clone())?;
        if found.sha256 == self.sha256 {
            return Ok(definition);
        }
        Err(CommandError::refused(format!("the simulated world {} is not what it was", self.world))
            .hint("give the world file back as it was when the run was started"))
    }

    fn with_faults(&self, mut definition: WorldDefinition) -> Result<WorldDefinition, CommandError> {
        definition.faults.extend(self.faults.iter().cloned());
        match definition.problems().first() {
            None => Ok(definition),
            Some(problem) => {
                Err(CommandError::usage(format!("the simulated world {}: {problem}", definition.name)))
            }
        }
    }
}

fn digest(definition: &WorldDefinition) -> Result<String, CommandError> {
    let text = serde_json::to_vec(definition).map_err(|error| CommandError::failed(error.to_string()))?;
    Ok(chain::digest(&text))
}

fn world_file(path: &Path) -> Result<WorldDefinition, CommandError> {
    let text = fs::read_to_string(path).map_err(|error| CommandError::file("read", path, &error))?;
    WorldDefinition::read(&text).map_err(|error| {
        CommandError::usage(format!("{} is not a world file: {error}", path.display()))
            .hint("a world file is JSON; docs/simulator.md says what is in it")
    })
}

/// The simulated AWS, going on from its own record if there is one. Must be called inside a runtime whose clock is
/// paused. `not_before` is the last time in the journal: the clock goes on from the later of the two.
pub(crate) fn simulated(
    definition: WorldDefinition,
    seed: u64,
    log: &Path,
    not_before: Option<DateTime<Utc>>,
    probes: &ProbeArguments,
) -> Result<Wiring, CommandError> {
    probes.refuse_redirects()?;
    let entries = world_entries(log)?;
    let last = entries.last().map(|entry| entry.at);
    let clock = Clock::simulated(last.max(not_before).unwrap_or(definition.start).max(definition.start));
    let file = File::options()
        .create(true)
        .append(true)
        .open(log)
        .map_err(|error| CommandError::file("write", log, &error))?;
    let log: Arc<dyn WorldLog> = Arc::new(WorldFile(Mutex::new(file)));
    in_world(definition, seed, &entries, clock, Some(log), probes)
}

/// The simulated AWS of which nothing is written down: to look at. Must be called inside a runtime whose clock is paused.
pub(crate) fn simulated_to_look_at(
    definition: WorldDefinition,
    seed: u64,
    probes: &ProbeArguments,
) -> Result<Wiring, CommandError> {
    let clock = Clock::simulated(definition.start);
    in_world(definition, seed, &[], clock, None, probes)
}

fn in_world(
    definition: WorldDefinition,
    seed: u64,
    entries: &[WorldEntry],
    clock: Clock,
    log: Option<Arc<dyn WorldLog>>,
    probes: &ProbeArguments,
) -> Result<Wiring, CommandError> {
    probes.refuse_redirects()?;
    let simulator = rebuilt(definition, seed, entries, &clock, log)?;
    Ok(around(&simulator, seed, clock, probes))
}

/// The simulator whose record is `entries`; what changes from here on goes to `log`.
pub(crate) fn rebuilt(
    definition: WorldDefinition,
    seed: u64,
    entries: &[WorldEntry],
    clock: &Clock,
    log: Option<Arc<dyn WorldLog>>,
) -> Result<Arc<Simulator>, CommandError> {
    let simulator = Simulator::replay(definition, seed, entries, Arc::new(RunClock(clock.clone())), log);
    simulator
        .map(Arc::new)
        .map_err(|error| CommandError::failed(format!("the simulated world cannot be rebuilt: {error}")))
}

/// What a run needs, around a simulator.
pub(crate) fn around(simulator: &Arc<Simulator>, seed: u64, clock: Clock, probes: &ProbeArguments) -> Wiring {
    let world = simulator.world().definition.name.clone();
    let time = clock.clone();
    let aws = Arc::new(Aws::simulated(SimHttpClient::new(simulator.clone()), move || time.now()));
    let ports = simulated_ports::ports(simulator, &clock, probes.run_commands);
    let cloud = Cloud::Simulated { world, seed };
    let outbox = Arc::default();
    let logins = Arc::new(Logins::new(aws.clone(), ports, &outbox, None, false));
    let registry = logins.actions(&aws);
    Wiring { cloud, clock, registry, outbox, notifiers: None, aws, logins }
}

/// What happened in a simulated world so far. A line without its end was never accepted: it is cut off.
fn world_entries(log: &Path) -> Result<Vec<WorldEntry>, CommandError> {
    let bytes = match fs::read(log) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(CommandError::file("read", log, &error)),
    };
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    if whole < bytes.len() {
        let file = File::options().write(true).open(log).and_then(|file| file.set_len(whole as u64));
        file.map_err(|error| CommandError::file("cut", log, &error))?;
    }
    bytes[..whole]
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| {
            serde_json::from_slice(line).map_err(|error| {
                CommandError::failed(format!("{} is not a world's record: {error}", log.display()))
            })
        })
        .collect()
}

/// Amazon Web Services, or whatever endpoint the environment names. The profile is that of the command line, else the
/// one that the target names.
pub(crate) async fn real(
    profile: Option<String>,
    own_profile: Option<String>,
    region: Option<String>,
    probes: &ProbeArguments,
) -> Result<Wiring, CommandError> {
    let aws = Arc::new(begin_session(profile.or_else(|| own_profile.clone()), region).await?);
    let cloud = match aws.endpoint() {
        Some(url) => Cloud::Endpoint { url },
        None => Cloud::Aws,
    };
    let clock = Clock::real();
    let ports = lifeboat_probe::real::ports(&clock, probes.redirects(cloud == Cloud::Aws));
    let outbox = Arc::default();
    let mut notifiers = lifeboat_probe::real::notifiers(&clock);
    notifiers.insert(Channel::Sns, Arc::new(Topics(aws.clone())));
    let notifiers = Some(notifiers);
    let logins = Arc::new(Logins::new(aws.clone(), ports, &outbox, own_profile, true));
    let registry = logins.actions(&aws);
    Ok(Wiring { cloud, clock, registry, outbox, notifiers, aws, logins })
}

/// The records that AWS keeps, with the Region of the profile or the environment.
pub(crate) async fn records(
    profile: Option<String>,
    region: Option<String>,
) -> Result<(Vec<Box<dyn RecordSource>>, Option<String>), CommandError> {
    let aws = Arc::new(begin_session(profile, region).await?);
    let region = aws.default_region();
    Ok((lifeboat_aws::records(&aws), region))
}

/// AWS with the credentials of a profile; a code is asked for where it wants one.
async fn begin_session(profile: Option<String>, region: Option<String>) -> Result<Aws, CommandError> {
    // Keys in the environment go before every profile that is not named.
    let by_keys = profile.is_none() && environment("AWS_ACCESS_KEY_ID").is_some();
    let Some(mfa) = Mfa::of(profile.as_deref()).await.filter(|_| !by_keys) else {
        return Ok(Aws::real(profile, region).await);
    };
    if !io::stdin().is_terminal() {
        let message = format!("the profile `{}` wants a code of {}", mfa.profile, mfa.serial);
        return Err(CommandError::refused(format!("{message}, and there is no terminal to ask on"))
            .hint("start it from a terminal, or log in before with `aws sts assume-role` and give it those credentials"));
    }
    let code = session::typed(&format!("Code of {}: ", mfa.serial))?;
    Ok(mfa.open(&code, region).await?)
}

/// The run's clock, as the simulator wants it.
#[derive(Debug)]
struct RunClock(Clock);

impl SimClock for RunClock {
    fn now(&self) -> DateTime<Utc> {
        self.0.now()
    }
}

/// The world's own record, beside the journal: on disk before a change takes effect.
struct WorldFile(Mutex<File>);

impl WorldLog for WorldFile {
    fn append(&self, entry: &WorldEntry) -> io::Result<()> {
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(&line)?;
        file.sync_data()
    }
}
