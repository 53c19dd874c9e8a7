//! CloudWatch, version 2010-08-01. Its signing name is `monitoring`.

mod alarms;
mod history;
mod metrics;

use super::paging::Paging;
use super::{Operation, Protocol, Service};

pub(super) static SERVICE: Service = Service {
    name: "monitoring",
    protocol: Protocol::Several {
        shape: "GraniteServiceVersion20100801",
        namespace: "http://monitoring.amazonaws.com/doc/2010-08-01/",
    },
    operations: &[
        Operation::look("DescribeAlarmHistory", history::describe),
        Operation::look("DescribeAlarms", alarms::describe),
        Operation::look("GetMetricData", metrics::get_data),
        Operation::alter("SetAlarmState", alarms::set_state),
    ],
};

/// Lists of alarms and of their history have pages of at most 100 (CloudWatch API reference, MaxRecords).
const PAGING: Paging = Paging { size: "MaxRecords", most: 100, refusal: "InvalidNextToken" };
