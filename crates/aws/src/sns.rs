//! Amazon Simple Notification Service: messages to a topic, for whoever has subscribed to it.

use crate::connect::Aws;
use crate::errors::{Call, classify};
use async_trait::async_trait;
use aws_sdk_sns::types::MessageAttributeValue;
use lifeboat_engine::action::ActionError;
use lifeboat_engine::notify::{Address, Message, Notifier};
use std::sync::Arc;

/// A subject has fewer than 100 characters, printable ASCII without line breaks, and begins with none that is blank
/// (<https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>).
const LONGEST_SUBJECT: usize = 99;

/// A message has at most 256 KB, attributes included (the same page).
const LONGEST_TEXT: usize = 250_000;

/// Publishes messages, with the credentials that people came with: what is told must not depend on the role that a run
/// assumes, because one of the things to tell is that it cannot be assumed.
pub struct Topics(pub Arc<Aws>);

#[async_trait]
impl Notifier for Topics {
    async fn deliver(&self, address: &Address, message: &Message) -> Result<(), ActionError> {
        let topic = address.place.expose();
        let region = topic.split(':').nth(3).filter(|region| !region.is_empty()).ok_or_else(|| {
            ActionError::refused("address", "the topic is no ARN")
                .hint("write arn:aws:sns:REGION:ACCOUNT:NAME")
        })?;
        let mut call = self
            .0
            .sns(region)
            .publish()
            .topic_arn(topic)
            .subject(subject(&message.title))
            .message(text(message));
        // A subscription may filter by them.
        for (name, value) in
            [("event", message.event), ("mode", message.mode), ("runbook", message.runbook.as_str())]
        {
            let attribute = MessageAttributeValue::builder().data_type("String").string_value(value).build();
            let attribute = attribute.map_err(|error| ActionError::refused("message", error.to_string()))?;
            call = call.message_attributes(name, attribute);
        }
        // A message that comes twice is no harm; one that does not come is: a lost reply is asked again, as a look is.
        call.send().await.map(drop).map_err(|error| classify(error, Call::Read))
    }
}

fn subject(title: &str) -> String {
    let plain = title.chars().map(|letter| match letter {
        ' '..='~' => letter,
        _ => '?',
    });
    plain.skip_while(|letter| *letter == ' ').take(LONGEST_SUBJECT).collect()
}

/// What people read in a mail.
fn text(message: &Message) -> String {
    let Message { title, text, command, run, runbook, mode, cloud, .. } = message;
    let mut parts = vec![title.clone()];
    parts.extend([text.clone()].into_iter().filter(|text| !text.is_empty()));
    parts.extend(command.clone());
    parts.push(format!("{mode} of {runbook}, run {run}, on {cloud}"));
    let mut whole = parts.join("\n\n");
    if whole.len() > LONGEST_TEXT {
        whole.truncate(whole.floor_char_boundary(LONGEST_TEXT));
        whole.push('…');
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use lifeboat_runbook::id::RunId;

    #[test]
    fn a_subject_is_what_sns_takes() {
        assert_eq!(subject(" orders\nis gone – für immer"), "orders?is gone ? f?r immer");
        assert_eq!(subject(&"x".repeat(300)).len(), LONGEST_SUBJECT);
    }

    #[test]
    fn a_text_holds_the_question_and_the_command_and_is_never_too_long() {
        let message = |words: &str| Message {
            run: RunId::new("k3v7qa2mxyz4567b"),
            runbook: "orders".into(),
            mode: "recovery",
            cloud: "aws".into(),
            event: "asked",
            of: 7,
            at: DateTime::UNIX_EPOCH,
            step: None,
            title: "orders: go asks".into(),
            text: words.into(),
            command: Some("lifeboat answer k3v7qa2mxyz4567b go approve|reject".into()),
        };
        let read = text(&message("Is it safe?"));
        assert_eq!(
            read,
            "orders: go asks\n\nIs it safe?\n\nlifeboat answer k3v7qa2mxyz4567b go approve|reject\n\n\
             recovery of orders, run k3v7qa2mxyz4567b, on aws"
        );
        assert!(text(&message(&"ü".repeat(200_000))).len() < 256_000);
    }
}
