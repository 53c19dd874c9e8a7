//! Who may answer a question: the rules of the runbook, held against whoever answers.

use crate::people::{Given, IN_ADVANCE};
use lifeboat_journal::event::Question;
use lifeboat_journal::identity::Identity;
use lifeboat_journal::state::{APPROVE, Asked, RunState};
use std::collections::BTreeMap;

/// The people around a run, as far as a question is about them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Circle {
    /// Who holds which role.
    pub roles: BTreeMap<String, String>,
    /// The people whom the project knows by name: ARNs, patterns of ARNs, or names of users.
    pub people: BTreeMap<String, Vec<String>>,
    /// Who started the run, and who took it up since.
    pub operators: Vec<Identity>,
    /// Who has approved already, each with the name in the journal; nothing of whom nobody knows more.
    pub approved: Vec<(String, Option<Identity>)>,
    /// Whether AWS can say who somebody is: not in a simulation.
    pub is_proven: bool,
}

impl Circle {
    /// The people around `asked`, as the run stands.
    pub fn of(state: &RunState, asked: &Asked) -> Self {
        let started = state.started.as_deref();
        let approved = asked.answers.iter().map(|(by, _, answer)| {
            let identity = answer.identity.as_ref().map(|identity| (**identity).clone());
            (by.clone(), identity)
        });
        Self {
            roles: state.roles.clone(),
            people: started.map(|started| started.people.clone()).unwrap_or_default(),
            operators: state.operators.clone(),
            approved: approved.collect(),
            is_proven: started.is_some_and(|started| !started.is_simulated()),
        }
    }

    /// The rules of the question that this answer does not keep, in words.
    pub(crate) fn broken(&self, question: &Question, given: &Given) -> Vec<String> {
        let approves = given.choice == APPROVE;
        let who = given.identity();
        let mut broken = Vec::new();
        let matters =
            !question.from.is_empty() || (approves && (question.not_the_operator || question.at_least > 1));
        if matters && self.is_proven && who.arn.is_none() && given.via != IN_ADVANCE {
            broken.push("AWS does not say who you are; log in (`aws sso login`) and answer again".to_owned());
        }
        if !question.from.is_empty() && !question.from.iter().any(|rule| self.fits(rule, &who)) {
            let rules: Vec<String> = question.from.iter().map(|rule| self.words(rule)).collect();
            broken.push(format!("only {} may answer it, and you are {who}", rules.join(" or ")));
        }
        if approves && question.not_the_operator {
            broken.extend(self.is_the_operator(&who, given));
        }
        if approves && question.at_least > 1 {
            broken.extend(self.has_approved(&who));
            let number = self.approved.len() + 1;
            if given.overrides && (number as u64) < u64::from(question.at_least) {
                broken.push(format!(
                    "{} people must approve it, and this is number {number}",
                    question.at_least
                ));
            }
        }
        broken
    }

    /// Whether a rule of `from` means this person.
    fn fits(&self, rule: &str, who: &Identity) -> bool {
        match rule.split_once(':') {
            Some(("role", role)) => self.roles.get(role).is_some_and(|person| self.is(person, who)),
            Some(("person", person)) => self.is(person, who),
            _ => who.is(rule),
        }
    }

    /// Whether `person`, known to the project or not, is this one.
    fn is(&self, person: &str, who: &Identity) -> bool {
        match self.people.get(person) {
            Some(patterns) => patterns.iter().any(|pattern| who.is(pattern)),
            None => who.is(person),
        }
    }

    fn words(&self, rule: &str) -> String {
        match rule.strip_prefix("role:") {
            Some(role) => match self.roles.get(role) {
                Some(person) => format!("{rule} ({person})"),
                None => format!("{rule} (whom nobody has named: --role {role}=PERSON)"),
            },
            None => rule.to_owned(),
        }
    }

    fn is_the_operator(&self, who: &Identity, given: &Given) -> Option<String> {
        // What was written down before the run has no ARN on either side.
        let known = |operator: &Identity| match given.via == IN_ADVANCE {
            true => Identity { arn: None, ..operator.clone() },
            false => operator.clone(),
        };
        let operator = self.operators.iter().map(known).find(|operator| !who.is_told_apart_from(operator))?;
        Some(match operator.name() == who.name() {
            true => format!("somebody other than the operator must approve it, and you are {who}"),
            false => format!("nobody can tell you ({who}) from the operator ({operator})"),
        })
    }

    fn has_approved(&self, who: &Identity) -> Option<String> {
        let same = |(_, other): &&(String, Option<Identity>)| {
            other.as_ref().is_none_or(|other| !who.is_told_apart_from(other))
        };
        let (by, other) = self.approved.iter().find(same)?;
        let is_the_same = other.as_ref().is_some_and(|other| other.name() == who.name());
        Some(match is_the_same {
            true => format!("{by} has approved it already; another person must too"),
            false => format!("nobody can tell you ({who}) from {by}, who has approved it already"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: &str = "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admin_0123/alice@example.com";
    const BOB: &str = "arn:aws:iam::111122223333:user/bob";

    fn who(arn: &str, user: &str) -> Identity {
        Identity {
            arn: Some(arn.to_owned()).filter(|arn| !arn.is_empty()),
            ..Identity::of_user(user, "ship")
        }
    }

    fn circle() -> Circle {
        Circle {
            roles: BTreeMap::from([("commander".to_owned(), "bob".to_owned())]),
            people: BTreeMap::from([(
                "boss".to_owned(),
                vec!["arn:aws:sts::*:assumed-role/*/alice@*".to_owned()],
            )]),
            operators: vec![who(ALICE, "alice")],
            approved: Vec::new(),
            is_proven: true,
        }
    }

    fn given(choice: &str, identity: Identity) -> Given {
        let by = identity.name().to_owned();
        Given {
            by,
            choice: choice.into(),
            identity: Some(identity),
            via: "command".into(),
            ..Given::default()
        }
    }

    fn question(from: &[&str], at_least: u32, not_the_operator: bool) -> Question {
        let from = from.iter().map(|&rule| rule.to_owned()).collect();
        Question { from, at_least, not_the_operator, ..Question::new("approve", "?", Vec::new()) }
    }

    #[test]
    fn a_decision_table_of_who_may_answer() {
        let simulated = Circle { is_proven: false, operators: vec![who("", "alice")], ..circle() };
        let once = Circle { approved: vec![("bob".to_owned(), Some(who(BOB, "bob")))], ..circle() };
        let real = circle();
        for (circle, question, given, problem) in [
            (&real, question(&[], 1, false), given("approve", who("", "bob")), ""),
            (&real, question(&["role:commander"], 1, false), given("approve", who(BOB, "x")), ""),
            (
                &real,
                question(&["role:commander"], 1, false),
                given("approve", who(ALICE, "bob")),
                "only role:commander (bob)",
            ),
            (
                &real,
                question(&["role:commander"], 1, false),
                given("approve", who("", "bob")),
                "AWS does not say who you are",
            ),
            (
                &real,
                question(&["role:scribe"], 1, false),
                given("reject", who(BOB, "bob")),
                "--role scribe=PERSON",
            ),
            (&real, question(&["person:boss"], 1, false), given("approve", who(ALICE, "x")), ""),
            (&real, question(&["arn:aws:iam::*:user/b*"], 1, false), given("approve", who(BOB, "x")), ""),
            (&real, question(&[], 1, true), given("approve", who(ALICE, "bob")), "other than the operator"),
            (&real, question(&[], 1, true), given("reject", who(ALICE, "alice")), ""),
            (&real, question(&[], 1, true), given("approve", who(BOB, "alice")), ""),
            (&once, question(&[], 2, false), given("approve", who(BOB, "bob")), "has approved it already"),
            (&once, question(&[], 2, false), given("approve", who(ALICE, "bob")), ""),
            (&simulated, question(&["role:commander"], 1, true), given("approve", who("", "bob")), ""),
            (
                &simulated,
                question(&[], 1, true),
                given("approve", who("", "alice")),
                "other than the operator",
            ),
        ] {
            let broken = circle.broken(&question, &given).join("; ");
            let fits = if problem.is_empty() { broken.is_empty() } else { broken.contains(problem) };
            assert!(fits, "{question:?} {given:?}: {broken}");
        }
    }
}
