//! How far this machine's clock is from that of AWS, by the `Date` of every reply.

use aws_smithy_async::time::SharedTimeSource;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::DateTime;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::date_time::Format;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// The furthest that the clocks were seen apart, seconds; positive where this machine is ahead.
#[derive(Clone, Debug)]
pub(crate) struct Skew {
    time: SharedTimeSource,
    furthest: Arc<Mutex<Option<f64>>>,
}

impl Skew {
    pub(crate) fn new(time: SharedTimeSource) -> Self {
        Self { time, furthest: Arc::default() }
    }

    pub(crate) fn furthest_s(&self) -> Option<f64> {
        *self.furthest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, date: &str) {
        let Ok(date) = DateTime::from_str(date, Format::HttpDate) else { return };
        let now = self.time.now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        // The header has whole seconds only.
        let ahead = now.as_secs_f64() - date.as_secs_f64();
        let ahead = if (0.0..1.0).contains(&ahead) { 0.0 } else { ahead };
        let mut furthest = self.furthest.lock().unwrap_or_else(PoisonError::into_inner);
        if furthest.is_none_or(|before| ahead.abs() > before.abs()) {
            *furthest = Some(ahead);
        }
    }
}

#[aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint]
impl Intercept for Skew {
    fn name(&self) -> &'static str {
        "Skew"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(date) = context.response().headers().get("date") {
            self.note(date);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_smithy_async::time::StaticTimeSource;

    #[test]
    fn the_furthest_is_kept() {
        let skew = Skew::new(SharedTimeSource::new(StaticTimeSource::from_secs(1_767_603_600)));
        assert_eq!(skew.furthest_s(), None);
        for (date, furthest) in [
            ("Mon, 05 Jan 2026 09:00:00 GMT", 0.0),
            ("Mon, 05 Jan 2026 08:59:50 GMT", 10.0),
            ("Mon, 05 Jan 2026 09:06:00 GMT", -360.0),
            ("nonsense", -360.0),
            ("Mon, 05 Jan 2026 09:00:03 GMT", -360.0),
        ] {
            skew.note(date);
            assert_eq!(skew.furthest_s(), Some(furthest), "{date}");
        }
    }
}
