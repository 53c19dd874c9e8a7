//! The names by which runs and steps are known.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Wraps text that is already known to be well formed.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    };
}

text_id! {
    /// A run: 16 lower-case base32 characters, or such with `-2` behind it where a seed was used twice.
    RunId
}
text_id! {
    /// The place of a step in a run: `restore`, `preflight:source`, `cleanup:x`, `each[orders].restore`, `regional/restore`.
    StepPath
}
text_id! {
    /// A moment worth measuring, such as `restored` or `verified`.
    MarkName
}

impl RunId {
    /// The first six characters: what people type and what goes into resource names.
    pub fn short(&self) -> &str {
        self.0.get(..6).unwrap_or(&self.0)
    }
}

impl StepPath {
    /// The step id at the end of the path: `restore` of `each[orders].restore`.
    pub fn id(&self) -> &str {
        self.0.rsplit(['.', '/', ':']).next().unwrap_or(&self.0)
    }

    /// Whether this is an entry of `preflight`.
    pub fn is_preflight(&self) -> bool {
        self.0.starts_with("preflight:")
    }
}
