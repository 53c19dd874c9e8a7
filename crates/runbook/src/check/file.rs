//! The keys of a file.

use super::Closure;
use super::groups::ids_in;
use super::names::Names;
use super::reader::{Fields, Reader};
use super::steps::{Phase, Steps};
use crate::keys;
use crate::node::{Node, NodeKind};
use crate::plan::{
    Allow, AllowedResource, Cleanup, InputDeclaration, Kind, Loss, NotYet, Objectives, OnFailure, Plan,
    Review, SecretReference, SecretStore, Target, TargetRole, is_region,
};
use crate::spec::Type;
use crate::suggestion::nearest;
use crate::template::{Template, TemplateKind};
use crate::value::Value;
use regex::Regex;
use std::collections::BTreeMap;

/// Reads a file into a plan; where there are mistakes, as much of it as makes sense.
pub(super) fn read(reader: &mut Reader<'_>, root: &Node, closure: &mut Closure<'_>, source: usize) -> Plan {
    let fields = reader.fields(root, &keys::FILE);
    let empty = Fields::empty(&keys::FILE);
    let fields = fields.as_ref().unwrap_or(&empty);
    let not_yet = NotYets { found: Vec::new() };
    let kind = kind(reader, fields);
    let name = name(reader, fields);
    let inputs = inputs(reader, fields);
    let secrets = secrets(reader, fields);
    let roles = requirements(reader, fields, "roles");
    let names = Names {
        inputs: inputs.iter().map(|input| (input.name.clone(), input.kind)).collect(),
        secrets: secrets.keys().cloned().collect(),
        roles: roles.clone(),
        ..Names::default()
    };
    let objectives = objectives(reader, fields);
    let review = review(reader, fields, closure);
    let mut steps = Steps::new(reader, closure, names, source, not_yet);
    let target = target_of(&mut steps, fields);
    let mut regions = names_of_regions(steps.closure, &target);
    regions.extend(names_of_all_targets(steps.closure));
    steps.names.regions.extend(regions);
    if let Some(NodeKind::List(nodes)) = fields.get("steps").map(|node| &node.kind) {
        // A probe looks beside the steps and cannot wait for what they give.
        steps.names.later = ids_in(nodes);
    }
    let probes = steps.read_probes(fields);
    let preflight = steps.read_phase(fields, "preflight", Phase::Preflight);
    let body = steps.read_phase(fields, "steps", Phase::Steps);
    let cleanup = cleanup(&mut steps, fields);
    let notify = super::notify::notify(&mut steps, fields);
    let playbook = super::notify::playbook(&mut steps, fields, kind);
    let stop_when = steps.read_stop_when(fields);
    let concurrency = steps.read_concurrency(fields);
    let outputs = steps.templates(fields, "outputs", None);
    let allow = allow(&mut steps, fields);
    steps.warn_of_the_drill_guard(&body, &allow, &inputs);
    let not_yet = steps.into_not_yet();
    if let Some(field) = fields.field("steps").filter(|field| field.value.kind == NodeKind::List(Vec::new()))
    {
        reader.error("no-steps", field.key_range.clone(), "`steps` has no steps", "name at least one step");
    }
    let text = |reader: &mut Reader<'_>, key| reader.text(fields, key);
    let plan = Plan {
        sources: Vec::new(),
        kind,
        title: text(reader, "title").unwrap_or_else(|| name.clone()),
        name,
        description: text(reader, "description"),
        owner: text(reader, "owner"),
        review,
        objectives,
        loss: match reader.word(fields, "loss", &["outage", "corruption"]) {
            Some("corruption") => Loss::Corruption,
            _ => Loss::Outage,
        },
        inputs,
        secrets,
        roles,
        target,
        concurrency,
        allow,
        on_failure: on_failure(reader, fields),
        stop_when,
        probes,
        preflight,
        steps: body,
        cleanup,
        outputs,
        notify,
        playbook,
        project: None,
        not_yet,
    };
    super::notify::judge_receivers(reader, fields, &plan);
    plan
}

/// What this version reads and checks but does not execute.
pub(super) struct NotYets {
    pub(super) found: Vec<NotYet>,
}

impl NotYets {
    pub(super) fn key(&mut self, fields: &Fields<'_>, key: &str) {
        if let Some(field) = fields.field(key) {
            self.found.push(NotYet { feature: format!("`{key}`"), range: field.key_range.clone() });
        }
    }
}

fn kind(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Kind {
    reader.word(fields, "schema", &["lifeboat/v1"]);
    match reader.word(fields, "kind", &["runbook", "playbook"]) {
        Some("playbook") => Kind::Playbook,
        _ => Kind::Runbook,
    }
}

fn name(reader: &mut Reader<'_>, fields: &Fields<'_>) -> String {
    let name = reader.text(fields, "name").unwrap_or_default();
    let fits = name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-')
        && name.len() <= 64;
    if let (false, Some(field)) = (fits, fields.field("name")) {
        let message = format!("the name `{name}` cannot be part of the names of AWS resources");
        let help = "begin with a letter; lower-case letters, digits and hyphens; at most 64";
        reader.error("bad-name", field.value.range.clone(), message, help);
    }
    name
}

fn objectives(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Objectives {
    let Some(fields) = fields.get("objectives").and_then(|node| reader.fields(node, &keys::OBJECTIVES))
    else {
        return Objectives::default();
    };
    Objectives { rto: reader.duration(&fields, "rto"), rpo: reader.duration(&fields, "rpo") }
}

fn review(reader: &mut Reader<'_>, fields: &Fields<'_>, closure: &Closure<'_>) -> Option<Review> {
    let field = fields.field("review")?;
    let fields = reader.fields(&field.value, &keys::REVIEW)?;
    let (last, every) = (reader.date(&fields, "last"), reader.duration(&fields, "every"));
    let review = Review { last: last?, every: every? };
    let due = review.last.checked_add_signed(review.every);
    if let (Some(today), Some(due)) = (closure.today, due)
        && due < today
    {
        let message = format!("the review was due on {due}");
        reader.warning(
            "review-due",
            field.value.range.clone(),
            message,
            "read it through, mend it, and set `last`",
        );
    }
    Some(review)
}

pub(super) fn on_failure(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<OnFailure> {
    reader.word(fields, "on_failure", &["undo", "pause"]).map(|word| match word {
        "undo" => OnFailure::Undo,
        _ => OnFailure::Pause,
    })
}

fn inputs(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Vec<InputDeclaration> {
    let mut inputs = Vec::new();
    for field in reader.named(fields, "inputs") {
        identifier(reader, &field.key, field.key_range.clone(), "an input");
        let Some(entry) = reader.fields(&field.value, &keys::INPUT) else { continue };
        let kind =
            reader.word(&entry, "type", keys::INPUT_TYPES).and_then(Type::named).unwrap_or(Type::String);
        let pattern = pattern(reader, &entry);
        let mut input = InputDeclaration {
            name: field.key.clone(),
            kind,
            default: None,
            required: reader.boolean(&entry, "required").unwrap_or(false),
            pattern,
            allowed: Vec::new(),
            description: reader.text(&entry, "description"),
        };
        let allowed = entry.get("allowed").map(|node| match &node.kind {
            NodeKind::List(items) => items.iter().collect(),
            _ => vec![node],
        });
        let allowed = allowed.into_iter().flatten();
        input.allowed = allowed.filter_map(|node| input_value(reader, &input, node, "allowed")).collect();
        if let Some(node) = entry.get("default") {
            input.default = input_value(reader, &input, node, "default");
        }
        inputs.push(input);
    }
    inputs
}

fn pattern(reader: &mut Reader<'_>, entry: &Fields<'_>) -> Option<String> {
    let pattern = reader.text(entry, "pattern")?;
    match Regex::new(&pattern) {
        Ok(_) => Some(pattern),
        Err(error) => {
            let range = entry.get("pattern").map_or(0..0, |node| node.range.clone());
            let why = error.to_string();
            let why = why.lines().last().unwrap_or_default();
            reader.error("bad-pattern", range, format!("`{pattern}` is not a regular expression"), why);
            None
        }
    }
}

fn input_value(reader: &mut Reader<'_>, input: &InputDeclaration, node: &Node, key: &str) -> Option<Value> {
    let literal = reader.template(node);
    let value = match plain(&literal) {
        Some(value) => value,
        None => {
            reader.error(
                "not-a-literal",
                node.range.clone(),
                format!("`{key}` must be a plain value"),
                "write it out",
            );
            return None;
        }
    };
    input
        .read(value)
        .map_err(|problem| {
            let help = format!("the input `{}` is of type {}", input.name, input.kind);
            reader.error("wrong-default", node.range.clone(), format!("the {key} {problem}"), help);
        })
        .ok()
}

/// The value of a template without expressions.
pub(super) fn plain(template: &Template) -> Option<Value> {
    match &template.kind {
        TemplateKind::Literal(value) => Some(value.clone()),
        TemplateKind::List(items) => items.iter().map(plain).collect::<Option<_>>().map(Value::List),
        TemplateKind::Map(fields) => {
            let entries = fields.iter().map(|(key, field)| Some((key.clone(), plain(field)?)));
            entries.collect::<Option<_>>().map(Value::Map)
        }
        TemplateKind::Whole(_) | TemplateKind::Text(_) => None,
    }
}

/// Names of inputs, secrets and steps can be written in expressions.
pub(super) fn identifier(reader: &mut Reader<'_>, name: &str, range: std::ops::Range<usize>, what: &str) {
    let fits = name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_');
    if !fits {
        let message = format!("`{name}` cannot name {what}");
        reader.error("bad-id", range, message, "begin with a letter; lower-case letters, digits and `_`");
    }
}

pub(super) fn secrets(reader: &mut Reader<'_>, fields: &Fields<'_>) -> BTreeMap<String, SecretReference> {
    let mut secrets = BTreeMap::new();
    for field in reader.named(fields, "secrets") {
        identifier(reader, &field.key, field.key_range.clone(), "a secret");
        if field.value.scalar().is_some() {
            let message = format!("the secret `{}` is written out", field.key);
            reader.error("secret-literal", field.value.range.clone(), message, "name where it is kept: `{ secretsmanager: NAME }`, `{ ssm: NAME }`, `{ env: NAME }` or `{ file: PATH }`; and change it, it has been seen");
            continue;
        }
        let Some(entry) = reader.fields(&field.value, &keys::SECRET) else { continue };
        if let Some(secret) = secret(reader, &entry, field.key_range.clone()) {
            secrets.insert(field.key.clone(), secret);
        }
    }
    secrets
}

fn secret(
    reader: &mut Reader<'_>,
    entry: &Fields<'_>,
    range: std::ops::Range<usize>,
) -> Option<SecretReference> {
    let stores = [
        ("secretsmanager", SecretStore::SecretsManager),
        ("ssm", SecretStore::Ssm),
        ("env", SecretStore::Environment),
        ("file", SecretStore::File),
    ];
    let named: Vec<_> = stores.into_iter().filter(|(key, _)| entry.has(key)).collect();
    let [(key, store)] = named.as_slice() else {
        let message = "a secret is kept in exactly one place";
        reader.error("secret-place", range, message, "name one of `secretsmanager`, `ssm`, `env`, `file`");
        return None;
    };
    Some(SecretReference {
        store: *store,
        name: reader.template_at(entry, key)?,
        key: reader.text(entry, "key"),
        region: reader.template_at(entry, "region"),
        version_stage: reader.text(entry, "version_stage"),
        sensitive: reader.boolean(entry, "sensitive").unwrap_or(true),
    })
}

/// A map from names to `required` or `optional`.
pub(super) fn requirements(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    key: &str,
) -> BTreeMap<String, bool> {
    let mut requirements = BTreeMap::new();
    for field in reader.named(fields, key) {
        match field.value.scalar().map(|scalar| scalar.text.as_str()) {
            Some("required") => drop(requirements.insert(field.key.clone(), true)),
            Some("optional") => drop(requirements.insert(field.key.clone(), false)),
            _ => reader.error(
                "wrong-value",
                field.value.range.clone(),
                format!("`{}` is neither `required` nor `optional`", field.key),
                format!("write `{}: required` or `{}: optional`", field.key, field.key),
            ),
        }
    }
    requirements
}

fn target_of(steps: &mut Steps<'_, '_, '_>, fields: &Fields<'_>) -> Target {
    fields.get("target").map(|node| target(steps, node, &keys::TARGET)).unwrap_or_default()
}

/// `target` of a file or of a step, or a target of `lifeboat.yaml`; `table` says which.
pub(super) fn target(steps: &mut Steps<'_, '_, '_>, node: &Node, table: &'static keys::Table) -> Target {
    let Some(fields) = steps.reader.fields(node, table) else { return Target::default() };
    let named = table.key("name").is_some();
    if let Some(node) = fields.field("name").map(|field| &field.value).filter(|_| named) {
        known_target(steps, node);
    }
    let account = steps.text_template(&fields, "account");
    if let Some(node) = fields.get("account") {
        account_id(steps.reader, node, account.as_ref());
    }
    let regions = steps.templates(&fields, "regions", Some(Type::String));
    let role = fields.get("role").and_then(|node| match &node.kind {
        NodeKind::Map(_) => {
            let roles = steps.reader.fields(node, &keys::ROLE)?;
            Some(TargetRole {
                drill: steps.text_template(&roles, "drill"),
                recovery: steps.text_template(&roles, "recovery"),
                external_id: steps.text_template(&roles, "external_id"),
            })
        }
        _ => {
            let role = steps.text_template(&fields, "role");
            Some(TargetRole { drill: role.clone(), recovery: role, external_id: None })
        }
    });
    let mut target = Target {
        account,
        region: None,
        regions,
        name: if named { steps.reader.text(&fields, "name") } else { None },
        profile: if named { None } else { steps.reader.text(&fields, "profile") },
        role,
    };
    let mut names = names_of_regions(steps.closure, &target);
    if names.is_empty() {
        names.clone_from(&steps.names.regions);
    }
    target.region = region(steps, &fields, &names);
    target
}

/// A target that `lifeboat.yaml` names.
fn known_target(steps: &mut Steps<'_, '_, '_>, node: &Node) {
    let Some(name) = node.scalar().map(|scalar| scalar.text.as_str()) else { return };
    let (message, help) = match &steps.closure.project {
        None => (
            format!("there is no lifeboat.yaml that could name the target `{name}`"),
            "put one beside the runbook or in a directory above, with `targets:`".to_owned(),
        ),
        Some(project) if project.targets.contains_key(name) => return,
        Some(project) => {
            let known = || project.targets.keys().map(String::as_str);
            let help = match nearest(name, known()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("it names {}", known().collect::<Vec<_>>().join(", ")),
            };
            (format!("lifeboat.yaml names no target `{name}`"), help)
        }
    };
    steps.reader.error("unknown-target", node.range.clone(), message, help);
}

/// A Region that is written out: one of AWS, or one of the names that are known here. Which names a target of
/// `lifeboat.yaml` has is known where there is a target.
pub(super) fn region(
    steps: &mut Steps<'_, '_, '_>,
    fields: &Fields<'_>,
    names: &[String],
) -> Option<Template> {
    let region = steps.text_template(fields, "region")?;
    if let TemplateKind::Literal(Value::String(text)) = &region.kind
        && !is_region(text)
        && !names.contains(text)
    {
        let message = format!("`{text}` is neither a Region nor the name of one");
        let help = match nearest(text, names.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "write a Region such as `eu-west-1`, or a name of `target.regions`".to_owned(),
        };
        steps.reader.error("unknown-region", region.range.clone(), message, help);
    }
    Some(region)
}

/// The names of Regions that a target gives: its own, or those of the target of `lifeboat.yaml` it begins with.
pub(super) fn names_of_regions(closure: &Closure<'_>, target: &Target) -> Vec<String> {
    let named = target.name.as_ref().and_then(|name| closure.project.as_ref()?.targets.get(name));
    let own = Some(target).filter(|target| !target.regions.is_empty()).or(named);
    own.map(|target| target.regions.keys().cloned().collect()).unwrap_or_default()
}

/// The names of Regions of all targets of `lifeboat.yaml`: `--target` may choose any of them.
fn names_of_all_targets(closure: &Closure<'_>) -> Vec<String> {
    let targets = closure.project.iter().flat_map(|project| project.targets.values());
    targets.flat_map(|target| target.regions.keys().cloned()).collect()
}

/// 12 digits, and quoted: a bare number is another number to other YAML readers.
fn account_id(reader: &mut Reader<'_>, node: &Node, account: Option<&Template>) {
    let Some(Template { kind: TemplateKind::Literal(Value::String(text)), .. }) = account else { return };
    let digits = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    let quoted = node.scalar().is_some_and(|scalar| scalar.quoted);
    if !digits {
        let message = format!("`{text}` is not an account id");
        reader.error("account-id", node.range.clone(), message, "an account id has 12 digits, in quotes");
    } else if !quoted {
        let message = "an account id must be quoted: YAML readers turn a bare one into another number";
        reader.error("account-id", node.range.clone(), message, format!("write `account: \"{text}\"`"));
    }
}

fn allow(steps: &mut Steps<'_, '_, '_>, fields: &Fields<'_>) -> Vec<Allow> {
    let mut entries = Vec::new();
    for node in steps.reader.list(fields, "allow") {
        let range = node.range.clone();
        if node.scalar().is_some() {
            let resource = AllowedResource::Id(steps.typed_template(node, Type::String, false));
            entries.push(Allow { resource, actions: Vec::new(), range });
            continue;
        }
        let Some(entry) = steps.reader.fields(node, &keys::ALLOW) else { continue };
        let resources: Vec<_> = ["id", "arn", "tag"]
            .into_iter()
            .filter_map(|key| Some((key, steps.text_template(&entry, key)?)))
            .collect();
        let actions = steps.reader.texts(&entry, "actions");
        for (action, range) in &actions {
            steps.known_action(action, range.clone());
        }
        let resource = match resources.as_slice() {
            [("id", id)] => AllowedResource::Id(id.clone()),
            [("arn", arn)] => AllowedResource::Arn(arn.clone()),
            [("tag", tag)] => AllowedResource::Tag(tag.clone()),
            _ => {
                let help = "name it by one of `id`, `arn`, `tag`";
                steps.reader.error("allow-what", range, "an entry of `allow` names one resource", help);
                continue;
            }
        };
        entries.push(Allow {
            resource,
            actions: actions.into_iter().map(|(action, _)| action).collect(),
            range,
        });
    }
    entries
}

fn cleanup(steps: &mut Steps<'_, '_, '_>, fields: &Fields<'_>) -> Cleanup {
    let Some(node) = fields.get("cleanup") else { return Cleanup::Auto };
    match &node.kind {
        NodeKind::List(_) => Cleanup::Steps(steps.read_phase(fields, "cleanup", Phase::Cleanup)),
        _ => match steps.reader.word(fields, "cleanup", &["auto", "none"]) {
            Some("none") => Cleanup::None,
            _ => Cleanup::Auto,
        },
    }
}
