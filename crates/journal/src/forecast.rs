//! How long the next run will take: resampled from history, along the plan's order.
//!
//! A step's duration is drawn from those it had in earlier runs; where it has none, from those of the step that does the
//! same to a copy in drills; else it is what is expected of it, without any spread. What follows one another is added,
//! of what runs side by side the longest counts. The generator has a fixed seed: the same history, the same forecast.

use crate::event::StepOutline;
use crate::history::{History, quantile};
use crate::measure::stand_in;
use lifeboat_runbook::id::StepPath;
use lifeboat_runbook::plan::{ExpectSource, Mode};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// How many runs are drawn.
const SAMPLES: usize = 10_000;

/// From fewer durations than these no spread is told.
const ENOUGH: usize = 3;

/// The seed of the generator: any number, as long as it stays.
const SEED: u64 = 0x11fe_b0a7;

/// How long a run will take, from its start to the mark that ends its recovery time. In a recovery what passed before
/// the run comes on top. Seconds throughout.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Forecast {
    /// `drill` or `recovery`.
    pub mode: Mode,
    /// Where it begins: `run`, or the mark `disrupted` where a step sets it.
    pub from: String,
    /// The mark it ends with; nothing where no step sets one: then it is the end of the steps.
    pub to: Option<String>,
    /// Half of the runs take at most this. A lower bound where `unknown` names a step.
    pub p50_s: f64,
    /// 95 % of the runs take at most this; nothing where a step was drawn from fewer than three durations, or none was.
    pub p95_s: Option<f64>,
    /// The recovery time objective.
    pub objective_s: Option<f64>,
    /// The share of runs that meet it; nothing without an objective, where a step is unknown, or where `p95_s` is not
    /// told: one run says nothing of chances.
    pub chance: Option<f64>,
    /// The share of `p50_s` that is expected and has no history.
    pub share_without_history: f64,
    /// From how many earlier durations the step with the fewest was drawn; 0 where none was.
    pub n: usize,
    /// The steps it is made of, in the plan's order.
    pub steps: Vec<StepForecast>,
    /// Steps of which nobody knows how long they take.
    pub unknown: Vec<StepPath>,
}

/// How long a step will take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepForecast {
    /// Which.
    pub step: StepPath,
    /// The median; nothing where nobody knows.
    pub p50_s: Option<f64>,
    /// The nearest rank of 95 %; nothing where it has no history.
    pub p95_s: Option<f64>,
    /// From how many durations.
    pub n: usize,
    /// Where they are from.
    pub source: ForecastSource,
}

/// Where a step's durations are from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ForecastSource {
    /// Its own in earlier runs.
    History,
    /// Those of this step, which does the same to a copy in drills.
    Copy(StepPath),
    /// What is expected of it, and where that is from.
    Expected(Option<ExpectSource>),
    /// Nobody knows.
    Unknown,
}

/// Forecasts a run in this mode of the plan that `outlines` tell of.
pub fn forecast(
    outlines: &[StepOutline],
    mode: Mode,
    objective_s: Option<f64>,
    history: &History,
) -> Forecast {
    let mut ruled_out: BTreeSet<&StepPath> = BTreeSet::new();
    let mut drawn: Vec<Drawn<'_>> = Vec::new();
    for outline in outlines.iter().filter(|outline| !outline.path.as_str().starts_with("cleanup:")) {
        let inside_one = outline.parent.as_ref().is_some_and(|parent| ruled_out.contains(parent));
        if inside_one || outline.only_in.is_some_and(|only| only != mode) {
            ruled_out.insert(&outline.path);
            continue;
        }
        drawn.push(Drawn::of(outlines, outline, history));
    }
    let course = Course::of(&drawn);
    let relevant: Vec<&Drawn<'_>> = course.relevant(&drawn);
    let mut random = Random(SEED);
    let mut totals: Vec<f64> =
        (0..SAMPLES).map(|_| course.run(&drawn, |step| step.draw(&mut random))).collect();
    totals.sort_by(f64::total_cmp);
    let counted = |step: &&&Drawn<'_>| step.is_from_history();
    let n = relevant.iter().filter(counted).map(|step| step.seconds.len()).min().unwrap_or(0);
    let unknown: Vec<StepPath> = relevant
        .iter()
        .filter(|step| step.source == ForecastSource::Unknown)
        .map(|step| step.outline.path.clone())
        .collect();
    let p50_s = quantile(&totals, 0.5);
    let expected =
        course.run(&drawn, |step| if step.is_from_history() { 0.0 } else { step.draw(&mut Random(SEED)) });
    let met = |objective: f64| totals.partition_point(|total| *total <= objective) as f64 / SAMPLES as f64;
    Forecast {
        mode,
        from: if course.from.is_some() { "disrupted" } else { "run" }.to_owned(),
        to: course.to.map(|(mark, _)| mark.to_owned()),
        p50_s,
        p95_s: (n >= ENOUGH).then(|| quantile(&totals, 0.95)),
        objective_s,
        chance: objective_s.filter(|_| n >= ENOUGH && unknown.is_empty()).map(met),
        share_without_history: if p50_s > 0.0 { (expected / p50_s).min(1.0) } else { 0.0 },
        n,
        steps: relevant.iter().map(|step| step.forecast()).collect(),
        unknown,
    }
}

/// A step with the durations it is drawn from.
struct Drawn<'plan> {
    outline: &'plan StepOutline,
    seconds: Vec<f64>,
    source: ForecastSource,
    /// Whether steps are inside: then it takes as long as they do.
    is_container: bool,
}

impl<'plan> Drawn<'plan> {
    fn of(outlines: &'plan [StepOutline], outline: &'plan StepOutline, history: &History) -> Self {
        let is_container = outlines.iter().any(|other| other.parent.as_ref() == Some(&outline.path));
        // A run in which it was not needed counts: the next may not need it either.
        let came_to = |outline: &StepOutline| -> Vec<f64> {
            history.came_to(outline).map(Option::unwrap_or_default).collect()
        };
        let own = came_to(outline);
        if !own.is_empty() {
            return Self { outline, seconds: own, source: ForecastSource::History, is_container };
        }
        if let Some(copy) = stand_in(outlines, outline) {
            let seconds = came_to(copy);
            if !seconds.is_empty() {
                return Self {
                    outline,
                    seconds,
                    source: ForecastSource::Copy(copy.path.clone()),
                    is_container,
                };
            }
        }
        let source = match outline.expect_s {
            Some(_) => ForecastSource::Expected(outline.expect_source.clone()),
            None => ForecastSource::Unknown,
        };
        Self { outline, seconds: outline.expect_s.into_iter().collect(), source, is_container }
    }

    fn is_from_history(&self) -> bool {
        matches!(self.source, ForecastSource::History | ForecastSource::Copy(_))
    }

    fn draw(&self, random: &mut Random) -> f64 {
        match self.seconds.as_slice() {
            [] => 0.0,
            [one] => *one,
            several => several[random.below(several.len())],
        }
    }

    fn forecast(&self) -> StepForecast {
        let mut sorted = self.seconds.clone();
        sorted.sort_by(f64::total_cmp);
        StepForecast {
            step: self.outline.path.clone(),
            p50_s: (!sorted.is_empty()).then(|| quantile(&sorted, 0.5)),
            p95_s: self.is_from_history().then(|| quantile(&sorted, 0.95)),
            n: if self.is_from_history() { sorted.len() } else { 0 },
            source: self.source.clone(),
        }
    }
}

/// The order of the steps, by their index: which follow one another, which run side by side, where it begins and ends.
struct Course {
    /// The steps of the plan itself.
    top: Vec<usize>,
    /// The steps inside each.
    inside: Vec<Vec<usize>>,
    /// The steps that each waits for, in a `parallel`.
    needs: Vec<Vec<usize>>,
    /// Whether what is inside runs side by side.
    side_by_side: Vec<bool>,
    /// The step whose beginning is the loss of service.
    from: Option<usize>,
    /// The mark that ends the recovery time, and the step that sets it.
    to: Option<(&'static str, usize)>,
}

impl Course {
    fn of(steps: &[Drawn<'_>]) -> Self {
        let place: BTreeMap<&StepPath, usize> =
            steps.iter().enumerate().map(|(index, step)| (&step.outline.path, index)).collect();
        let needs: Vec<Vec<usize>> = steps
            .iter()
            .map(|step| step.outline.needs.iter().filter_map(|path| place.get(path).copied()).collect())
            .collect();
        let (mut top, mut inside) = (Vec::new(), vec![Vec::new(); steps.len()]);
        for (index, step) in steps.iter().enumerate() {
            match step.outline.parent.as_ref().and_then(|parent| place.get(parent)) {
                Some(parent) => inside[*parent].push(index),
                None => top.push(index),
            }
        }
        for beside in &mut inside {
            *beside = in_order_of_needs(beside, &needs);
        }
        let sets = |moment: &str, mark: &str| {
            let sets =
                |step: &Drawn<'_>| step.outline.marks.get(moment).is_some_and(|set| set.as_str() == mark);
            steps.iter().position(sets)
        };
        let ends = ["verified", "copy_verified"];
        Self {
            top,
            inside,
            needs,
            side_by_side: steps.iter().map(|step| step.outline.kind == "parallel").collect(),
            from: sets("started", "disrupted"),
            to: ends.into_iter().find_map(|mark| Some((mark, sets("succeeded", mark)?))),
        }
    }

    /// The seconds of one run whose steps take what `take` says.
    fn run(&self, steps: &[Drawn<'_>], mut take: impl FnMut(&Drawn<'_>) -> f64) -> f64 {
        let mut times: Vec<(f64, f64)> =
            steps.iter().map(|step| (0.0, if step.is_container { 0.0 } else { take(step) })).collect();
        let last = self.follow(&self.top, false, 0.0, &mut times);
        let end = self.to.map_or(last, |(_, step)| times[step].1);
        let start = self.from.map_or(0.0, |step| times[step].0);
        (end - start).max(0.0)
    }

    /// When these steps are over, if they may begin at `start`. `times` holds how long each takes, and then its
    /// beginning and its end.
    fn follow(&self, these: &[usize], side_by_side: bool, start: f64, times: &mut [(f64, f64)]) -> f64 {
        let mut last = start;
        for index in these.iter().copied() {
            let begin = match side_by_side {
                true => self.needs[index].iter().map(|needed| times[*needed].1).fold(start, f64::max),
                false => last,
            };
            let inside = &self.inside[index];
            let end = match inside.is_empty() {
                true => begin + times[index].1,
                false => self.follow(inside, self.side_by_side[index], begin, times),
            };
            times[index] = (begin, end);
            last = last.max(end);
        }
        last
    }

    /// The steps that the forecast is made of: those up to its end, from its beginning on.
    fn relevant<'all, 'plan>(&self, steps: &'all [Drawn<'plan>]) -> Vec<&'all Drawn<'plan>> {
        let last = self.to.map_or(steps.len(), |(_, step)| step + 1);
        let between = steps.iter().take(last).skip(self.from.unwrap_or(0));
        between.filter(|step| !step.is_container).collect()
    }
}

/// The same steps, each behind those it needs; where they need each other in a circle, which `check` refuses, as they
/// stand.
fn in_order_of_needs(these: &[usize], needs: &[Vec<usize>]) -> Vec<usize> {
    let mut left = these.to_vec();
    let mut ordered = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let is_free = |step: &usize| !needs[*step].iter().any(|needed| left.contains(needed));
        let next = left.iter().position(is_free).unwrap_or(0);
        ordered.push(left.remove(next));
    }
    ordered
}

/// SplitMix64 (Steele, Lea, Flood 2014): small, and good enough to draw from a list.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`, each with the same probability as far as 64 bits tell.
    fn below(&mut self, limit: usize) -> usize {
        ((u128::from(self.next()) * limit as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Cloud;
    use crate::history::{PastRun, PastStep};
    use chrono::DateTime;
    use lifeboat_runbook::id::{MarkName, RunId};

    fn outline(path: &str, parent: Option<&str>, kind: &str) -> StepOutline {
        StepOutline {
            path: StepPath::new(path),
            name: None,
            kind: kind.to_owned(),
            action: (kind == "action").then(|| "rds.restore_to_point_in_time".to_owned()),
            effect: None,
            parent: parent.map(StepPath::new),
            expect_s: None,
            expect_source: None,
            marks: BTreeMap::new(),
            conditional: false,
            only_in: None,
            needs: Vec::new(),
        }
    }

    fn step(path: &str, expect_s: f64) -> StepOutline {
        StepOutline { expect_s: Some(expect_s), ..outline(path, None, "action") }
    }

    fn marked(outline: StepOutline, moment: &str, mark: &str) -> StepOutline {
        StepOutline { marks: BTreeMap::from([(moment.to_owned(), MarkName::new(mark))]), ..outline }
    }

    /// Runs in which these steps took these seconds; nothing where a step was not needed.
    fn history(runs: &[&[(&str, Option<f64>)]]) -> History {
        History::of(runs.iter().enumerate().map(|(number, steps)| {
            PastRun {
                run: RunId::new(format!("run{number}")),
                runbook: "pitr".into(),
                mode: Mode::Drill,
                cloud: Cloud::Aws,
                started_at: DateTime::from_timestamp(number as i64, 0).unwrap(),
                rto_objective_s: None,
                recovery_time: None,
                data_lost_s: None,
                outlines: Vec::new(),
                steps: steps
                    .iter()
                    .map(|(path, seconds)| {
                        let action = Some("rds.restore_to_point_in_time".to_owned());
                        (StepPath::new(*path), PastStep { action, seconds: *seconds })
                    })
                    .collect(),
            }
        }))
    }

    #[test]
    fn without_history_it_is_what_is_expected_and_promises_nothing() {
        let plan = [step("restore", 600.0), marked(step("newest", 30.0), "succeeded", "copy_verified")];
        let forecast = forecast(&plan, Mode::Drill, Some(3600.0), &History::default());
        assert_eq!((forecast.p50_s, forecast.p95_s, forecast.chance, forecast.n), (630.0, None, None, 0));
        assert_eq!(forecast.share_without_history, 1.0);
        assert_eq!(forecast.steps[0].source, ForecastSource::Expected(None));
        let unknown = [outline("restore", None, "action"), step("newest", 30.0)];
        let unknown = super::forecast(&unknown, Mode::Drill, Some(3600.0), &History::default());
        assert_eq!((unknown.p50_s, unknown.unknown), (30.0, vec![StepPath::new("restore")]));
    }

    #[test]
    fn it_is_resampled_from_history_and_is_the_same_each_time() {
        let plan = [step("restore", 1.0), marked(step("newest", 1.0), "succeeded", "copy_verified")];
        let runs: Vec<Vec<(&str, Option<f64>)>> = (1..=10)
            .map(|run| vec![("restore", Some(f64::from(run) * 100.0)), ("newest", Some(10.0))])
            .collect();
        let runs: Vec<&[(&str, Option<f64>)]> = runs.iter().map(Vec::as_slice).collect();
        let told = forecast(&plan, Mode::Drill, Some(710.0), &history(&runs));
        assert_eq!(told, forecast(&plan, Mode::Drill, Some(710.0), &history(&runs)));
        assert_eq!((told.p50_s, told.p95_s, told.n), (510.0, Some(1010.0), 10));
        // Seven of the ten durations are at most 700 s.
        let chance = told.chance.unwrap();
        assert!((chance - 0.7).abs() < 0.02, "{chance}");
        assert_eq!(told.share_without_history, 0.0);
    }

    /// Two draws of two values: the sum has three, and the middle one is twice as likely.
    #[test]
    fn steps_are_drawn_apart() {
        let plan = [step("a", 1.0), step("b", 1.0)];
        let (quick, slow) = ([("a", Some(0.0)), ("b", Some(0.0))], [("a", Some(100.0)), ("b", Some(100.0))]);
        let runs: [&[_]; 4] = [&quick, &slow, &slow, &quick];
        let told = forecast(&plan, Mode::Drill, Some(100.0), &history(&runs));
        let chance = told.chance.unwrap();
        assert!((chance - 0.75).abs() < 0.02, "{chance}");
    }

    #[test]
    fn of_what_runs_side_by_side_the_longest_counts() {
        let inside = |path: &str, seconds: f64| StepOutline {
            parent: Some(StepPath::new("both")),
            ..step(path, seconds)
        };
        let mut plan = vec![
            step("first", 10.0),
            outline("both", None, "parallel"),
            inside("both.late", 5.0),
            inside("both.a", 100.0),
            inside("both.b", 40.0),
            step("last", 1.0),
        ];
        let p50 = |plan: &[StepOutline]| forecast(plan, Mode::Drill, None, &History::default()).p50_s;
        assert_eq!(p50(&plan), 111.0);
        // What needs another begins when that is over, wherever it stands.
        plan[2].needs = vec![StepPath::new("both.a")];
        assert_eq!(p50(&plan), 116.0);
        plan[1].kind = "steps".into();
        plan[2].needs.clear();
        assert_eq!(p50(&plan), 156.0);
    }

    #[test]
    fn what_the_mode_rules_out_is_not_counted_and_a_drill_lends_its_durations() {
        let only = |mode: Mode, outline: StepOutline| StepOutline { only_in: Some(mode), ..outline };
        let plan = [
            only(Mode::Drill, step("rehearse", 1.0)),
            only(Mode::Recovery, step("cut_over", 999.0)),
            StepOutline { action: None, ..only(Mode::Recovery, step("group", 5.0)) },
        ];
        let told = forecast(&plan, Mode::Recovery, None, &history(&[&[("rehearse", Some(80.0))]]));
        assert_eq!((told.p50_s, told.n), (85.0, 1));
        assert_eq!(told.steps[0].source, ForecastSource::Copy(StepPath::new("rehearse")));
    }

    #[test]
    fn it_begins_and_ends_with_the_recovery_time() {
        let plan = [
            step("copy", 1000.0),
            marked(step("fail_over", 70.0), "started", "disrupted"),
            marked(step("after", 5.0), "succeeded", "copy_verified"),
            step("paperwork", 500.0),
        ];
        let told = forecast(&plan, Mode::Drill, None, &History::default());
        assert_eq!(
            (told.p50_s, told.from.as_str(), told.to.as_deref()),
            (75.0, "disrupted", Some("copy_verified"))
        );
        assert_eq!(told.steps.len(), 2);
    }

    #[test]
    fn a_step_that_was_not_needed_may_not_be_needed_again() {
        let plan = [step("repair", 50.0)];
        let (not_needed, needed) = ([("repair", None)], [("repair", Some(60.0))]);
        let runs: [&[_]; 4] = [&not_needed, &needed, &needed, &not_needed];
        let told = forecast(&plan, Mode::Drill, Some(1.0), &history(&runs));
        assert!((told.chance.unwrap() - 0.5).abs() < 0.02);
        let two = forecast(&plan, Mode::Drill, Some(1.0), &history(&runs[..2]));
        assert_eq!((two.n, two.p95_s, two.chance), (2, None, None), "two runs say nothing of chances");
    }
}
