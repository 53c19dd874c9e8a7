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
    /// The place of a step in a run: `restore`, `preflight:source`, `cleanup:x`, `each[orders].restore`, `regional/restore`;
    /// and that of a probe beside the steps: `probe:front_door`.
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
        let end = self.outside_keys().rfind(|(_, letter)| matches!(letter, '.' | '/' | ':'));
        end.map_or(&self.0, |(at, _)| &self.0[at + 1..])
    }

    /// What stands before every path of the same file: `regional/` of `regional/restore`, nothing in the runbook
    /// itself.
    pub fn file(&self) -> &str {
        let end = self.outside_keys().rfind(|(_, letter)| *letter == '/');
        end.map_or("", |(at, _)| &self.0[..=at])
    }

    /// Whether this is an entry of `preflight`, of the runbook or of one that it runs.
    pub fn is_preflight(&self) -> bool {
        self.0[self.file().len()..].starts_with("preflight:")
    }

    /// Whether this is a step of `cleanup`, of the runbook or of one that it runs.
    pub fn is_cleanup(&self) -> bool {
        self.0[self.file().len()..].starts_with("cleanup:")
    }

    /// Whether this is a probe beside the steps, of the runbook or of one that it runs: no step.
    pub fn is_probe(&self) -> bool {
        self.0[self.file().len()..].starts_with("probe:")
    }

    /// The path as the plan has it: `each[*].restore` of `each[orders].restore`.
    pub fn planned(&self) -> Self {
        if !self.0.contains('[') {
            return self.clone();
        }
        let mut planned = String::with_capacity(self.0.len());
        for (at, letter) in self.outside_keys() {
            planned.push(letter);
            if letter == '[' && self.0[at..].contains(']') {
                planned.push_str("*]");
            }
        }
        Self(planned)
    }

    /// The keys of the items it is inside of, the outermost first: `orders` of `each[orders].restore`.
    pub fn keys(&self) -> Vec<&str> {
        let open = self.outside_keys().filter(|(_, letter)| *letter == '[');
        open.filter_map(|(at, _)| Some(&self.0[at + 1..at + self.0[at..].find(']')?])).collect()
    }

    /// The step `planned` of the same items as this one; nothing where it is inside a loop that this one is not in.
    pub fn beside(&self, planned: &Self) -> Option<Self> {
        if !planned.0.contains('[') {
            return Some(planned.clone());
        }
        let own = self.planned();
        let mut keys = self.keys().into_iter();
        let mut path = String::with_capacity(planned.0.len());
        let mut rest = planned.0.as_str();
        while let Some(at) = rest.find("[*]") {
            let until = planned.0.len() - rest.len() + at + 3;
            if own.0.get(..until) != planned.0.get(..until) {
                return None;
            }
            path.push_str(&rest[..=at]);
            path.push_str(keys.next()?);
            path.push(']');
            rest = &rest[at + 3..];
        }
        path.push_str(rest);
        Some(Self(path))
    }

    /// The path in the run of a step around this one, which is planned as `planned`: the keys of the loops that both
    /// are in are the same.
    pub fn outer(&self, planned: &Self) -> Option<Self> {
        let mut keys = self.keys().into_iter();
        let mut path = String::with_capacity(self.0.len());
        for piece in planned.0.split_inclusive("[*") {
            path.push_str(piece.strip_suffix('*').filter(|_| piece.ends_with("[*")).unwrap_or(piece));
            if piece.ends_with("[*") {
                path.push_str(keys.next()?);
            }
        }
        Some(Self(path))
    }

    /// The characters that do not belong to the key of an item, with their places.
    fn outside_keys(&self) -> impl DoubleEndedIterator<Item = (usize, char)> {
        let mut inside = false;
        let mut outside = Vec::with_capacity(self.0.len());
        for (at, letter) in self.0.char_indices() {
            match letter {
                ']' if inside => inside = false,
                _ if inside => {}
                _ => {
                    inside = letter == '[';
                    outside.push((at, letter));
                }
            }
        }
        outside.into_iter()
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_step_around_another_is_of_the_same_items() {
        use super::StepPath;
        let (inner, new) = (StepPath::new("each[a].sub[b/c].restore"), StepPath::new);
        assert_eq!(inner.outer(&new("each")), Some(new("each")));
        assert_eq!(inner.outer(&new("each[*].sub")), Some(new("each[a].sub")));
        assert_eq!(inner.outer(&inner.planned()), Some(inner.clone()));
        assert_eq!(new("restore").outer(&new("each[*].sub")), None);
    }

    use super::*;

    #[test]
    fn a_path_tells_its_file_its_items_and_its_id() {
        for (path, file, planned, id, keys) in [
            ("restore", "", "restore", "restore", vec![]),
            ("preflight:source", "", "preflight:source", "source", vec![]),
            ("each[orders].restore", "", "each[*].restore", "restore", vec!["orders"]),
            ("each[a/b:c.d].restore", "", "each[*].restore", "restore", vec!["a/b:c.d"]),
            ("regional/preflight:source", "regional/", "regional/preflight:source", "source", vec![]),
            ("each[a].there/each[b].x", "each[a].there/", "each[*].there/each[*].x", "x", vec!["a", "b"]),
        ] {
            let path = StepPath::new(path);
            assert_eq!((path.file(), path.planned().as_str(), path.id()), (file, planned, id));
            assert_eq!(path.keys(), keys);
        }
        assert!(StepPath::new("regional/preflight:source").is_preflight());
        assert!(!StepPath::new("each[a/preflight:b].x").is_preflight());
        assert!(StepPath::new("regional/cleanup:tell").is_cleanup());
    }

    #[test]
    fn a_sibling_is_of_the_same_items() {
        let beside = |own: &str, planned: &str| {
            StepPath::new(own).beside(&StepPath::new(planned)).map(|path| path.to_string())
        };
        assert_eq!(beside("each[a].x", "each[*].y").as_deref(), Some("each[a].y"));
        assert_eq!(beside("each[a].x", "find").as_deref(), Some("find"));
        assert_eq!(beside("each[a].in[b].x", "each[*].y").as_deref(), Some("each[a].y"));
        assert_eq!(beside("each[a].in[b].x", "each[*].in[*].y").as_deref(), Some("each[a].in[b].y"));
        assert_eq!(beside("each[a].x", "other[*].y"), None);
        assert_eq!(beside("find", "each[*].y"), None);
    }
}
