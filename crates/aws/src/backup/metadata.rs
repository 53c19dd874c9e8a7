//! Restore metadata for a DB instance: what the recovery point says, less what names the original, with the source's
//! network, and the runbook's own words over all (catalogue §4). All values are texts, and keys are in any case.

use lifeboat_engine::action::Values;
use lifeboat_runbook::plan::Mode;
use lifeboat_runbook::value::Value;
use std::collections::BTreeMap;

/// The key that names what is made.
const TARGET: &str = "DBInstanceIdentifier";

/// Metadata by key.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Metadata(BTreeMap<String, String>);

impl Metadata {
    /// What the recovery point says.
    pub(super) fn of(said: impl Iterator<Item = (String, String)>) -> Self {
        let mut metadata = Self(said.collect());
        metadata.take_out(TARGET);
        // The numbers of gp3 that the source reports are refused below a size that is not known here: the storage's own
        // defaults are what they say there.
        if metadata.get("StorageType") == Some("gp3") {
            metadata.take_out("Iops");
            metadata.take_out("StorageThroughput");
        }
        metadata
    }

    /// Beside the source: in its network and under its parameters, if it is there. A drill makes a modest copy.
    pub(super) fn like(mut self, source: Option<&Values>, mode: Mode) -> Self {
        if let Some(source) = source {
            for (key, name) in
                [("DBSubnetGroupName", "subnet_group"), ("DBParameterGroupName", "parameter_group")]
            {
                let text = source.get(name).and_then(Value::as_str).map(str::to_owned);
                text.into_iter().for_each(|text| self.put(key, text));
            }
            let groups = source.get("security_groups").and_then(|groups| serde_json::to_string(groups).ok());
            let groups = groups.filter(|groups| groups != "[]");
            groups.into_iter().for_each(|groups| self.put("VpcSecurityGroupIds", groups));
        }
        if mode == Mode::Drill {
            self.put("MultiAZ", "false".to_owned());
            self.put("DeletionProtection", "false".to_owned());
        }
        self
    }

    /// The runbook's own words, and the name of what is made.
    pub(super) fn finish(mut self, given: Option<&Value>, name: &str) -> Self {
        if let Some(Value::Map(given)) = given {
            given.iter().for_each(|(key, value)| self.put(key, value.to_string()));
        }
        // AWS refuses both together.
        if self.get("MultiAZ").is_some_and(|text| text.eq_ignore_ascii_case("true")) {
            self.take_out("AvailabilityZone");
        }
        self.put(TARGET, name.to_owned());
        self
    }

    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(key)).map(|(_, text)| text.as_str())
    }

    fn put(&mut self, key: &str, text: String) {
        self.take_out(key);
        self.0.insert(key.to_owned(), text);
    }

    fn take_out(&mut self, key: &str) {
        self.0.retain(|known, _| !known.eq_ignore_ascii_case(key));
    }

    /// As a value, for the journal.
    pub(super) fn value(&self) -> Value {
        Value::Map(self.0.iter().map(|(key, text)| (key.clone(), text.as_str().into())).collect())
    }

    /// As it was journaled.
    pub(super) fn read(value: Option<&Value>) -> BTreeMap<String, String> {
        match value {
            Some(Value::Map(fields)) => {
                fields.iter().map(|(key, text)| (key.clone(), text.to_string())).collect()
            }
            _ => BTreeMap::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(pairs: &[(&str, &str)]) -> Metadata {
        Metadata::of(pairs.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())))
    }

    #[test]
    fn it_names_the_copy_and_not_the_original() {
        let metadata =
            said(&[("dbInstanceIdentifier", "orders-prod"), ("Port", "5432")]).finish(None, "copy");
        assert_eq!(metadata.get("DBInstanceIdentifier"), Some("copy"));
        assert_eq!(metadata.get("port"), Some("5432"));
        assert_eq!(Metadata::read(Some(&metadata.value())).len(), 2);
    }

    #[test]
    fn gp3_leaves_its_numbers_to_rds_unless_the_runbook_gives_them() {
        let pairs = [("StorageType", "gp3"), ("iops", "3000"), ("storageThroughput", "125")];
        assert_eq!(said(&pairs).get("Iops"), None);
        let given = Value::Map(BTreeMap::from([("iops".to_owned(), Value::Int(12_000))]));
        assert_eq!(said(&pairs).finish(Some(&given), "copy").get("Iops"), Some("12000"));
        assert_eq!(said(&[("StorageType", "io2"), ("Iops", "9000")]).get("iops"), Some("9000"));
    }

    #[test]
    fn a_copy_is_beside_its_source_and_in_a_drill_a_modest_one() {
        let source = Values::from([
            ("subnet_group".to_owned(), "private".into()),
            ("security_groups".to_owned(), Value::List(vec!["sg-1".into(), "sg-2".into()])),
            ("parameter_group".to_owned(), Value::Null),
        ]);
        let metadata = said(&[("multiAz", "true"), ("AvailabilityZone", "a")]);
        let drill = metadata.clone().like(Some(&source), Mode::Drill).finish(None, "copy");
        let expected = [
            ("DBSubnetGroupName", Some("private")),
            ("VpcSecurityGroupIds", Some("[\"sg-1\",\"sg-2\"]")),
            ("DBParameterGroupName", None),
            ("MultiAZ", Some("false")),
            ("AvailabilityZone", Some("a")),
        ];
        for (key, text) in expected {
            assert_eq!(drill.get(key), text, "{key}");
        }
        let recovery = metadata.like(None, Mode::Recovery).finish(None, "copy");
        assert_eq!((recovery.get("MultiAZ"), recovery.get("AvailabilityZone")), (Some("true"), None));
    }
}
