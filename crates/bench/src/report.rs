//! What was measured, beside what was asked for, as one markdown table.
//!
//! A row is added by [`Report::add`]; its verdict comes from the median of its samples. A row without samples is
//! `void`: every round of it was disturbed. A missed target is shown as `missed`. What cannot be measured on this
//! machine is named as [`Report::left_out`].

use std::fmt::Write;

/// What the median of a row's samples must reach.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    /// The median must be this or more.
    AtLeast(f64),
    /// The median must be this or less.
    AtMost(f64),
    /// The median must be below this.
    Under(f64),
    /// The row only informs.
    None,
}

/// Median, smallest and largest of some samples.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    least: f64,
    most: f64,
}

impl Spread {
    /// The spread of `samples`, unless there are none.
    pub(crate) fn of(samples: &[f64]) -> Option<Self> {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (least, most) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median =
            if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 };
        Some(Self { median, least, most })
    }
}

/// One line of the table.
#[derive(Debug)]
pub(crate) struct Row {
    /// What was measured.
    pub(crate) what: String,
    /// One sample per round.
    pub(crate) samples: Vec<f64>,
    /// What the samples count, as written behind the number.
    pub(crate) unit: &'static str,
    /// What the median must reach.
    pub(crate) target: Target,
    /// Processor time of the server, or another remark.
    pub(crate) beside: String,
}

/// The table as it grows.
#[derive(Debug)]
pub(crate) struct Report {
    head: String,
    full_size: bool,
    lines: Vec<(&'static str, Line)>,
}

#[derive(Debug)]
enum Line {
    Measured(Row),
    LeftOut { what: String, why: String },
}

impl Report {
    /// An empty report. In a short run no target is judged: its sizes are not those the targets speak of.
    pub(crate) fn new(head: String, full_size: bool) -> Self {
        Self { head, full_size, lines: Vec::new() }
    }

    /// Adds a line and tells it on stderr.
    pub(crate) fn add(&mut self, group: &'static str, row: Row) {
        crate::say(&format!("  {}: {} ({})", row.what, measured(&row), self.verdict(&row)));
        self.lines.push((group, Line::Measured(row)));
    }

    /// Names what this machine lacks the programs for.
    pub(crate) fn left_out(&mut self, group: &'static str, what: &str, why: &str) {
        crate::say(&format!("  {what}: left out: {why}"));
        self.lines.push((group, Line::LeftOut { what: what.to_owned(), why: why.to_owned() }));
    }

    /// The whole table.
    pub(crate) fn markdown(&self) -> String {
        let mut out = format!("{}\n\n", self.head);
        out.push_str("| group | what | measured: median (least to most, rounds) | target | verdict | server CPU, remarks |\n");
        out.push_str("|---|---|---|---|---|---|\n");
        for (group, line) in &self.lines {
            let row = match line {
                Line::Measured(row) => row,
                Line::LeftOut { what, why } => {
                    let _infallible = writeln!(out, "| {group} | {what} | – | – | left out | {why} |");
                    continue;
                }
            };
            let (what, beside) = (&row.what, &row.beside);
            let target = match row.target {
                Target::AtLeast(bound) => format!("≥ {bound}{}", row.unit),
                Target::AtMost(bound) => format!("≤ {bound}{}", row.unit),
                Target::Under(bound) => format!("< {bound}{}", row.unit),
                Target::None => "–".to_owned(),
            };
            let (measured, verdict) = (measured(row), self.verdict(row));
            let _infallible =
                writeln!(out, "| {group} | {what} | {measured} | {target} | {verdict} | {beside} |");
        }
        out
    }

    fn verdict(&self, row: &Row) -> &'static str {
        let Some(spread) = Spread::of(&row.samples) else { return "void" };
        let met = match row.target {
            Target::AtLeast(bound) => spread.median >= bound,
            Target::AtMost(bound) => spread.median <= bound,
            Target::Under(bound) => spread.median < bound,
            Target::None => return "–",
        };
        match (self.full_size, met) {
            (false, _) => "not judged: short run",
            (true, true) => "met",
            (true, false) => "**missed**",
        }
    }
}

/// `µs` samples as they stand beside a ratio.
pub(crate) fn micros(who: &str, samples: &[f64]) -> String {
    Spread::of(samples)
        .map_or_else(|| format!("{who} –"), |spread| format!("{who} {} µs", number(spread.median)))
}

fn measured(row: &Row) -> String {
    Spread::of(&row.samples).map_or_else(
        || "no undisturbed round".to_owned(),
        |Spread { median, least, most }| {
            let rounds = row.samples.len();
            format!("{}{} ({} to {}, {rounds})", number(median), row.unit, number(least), number(most))
        },
    )
}

/// The median of some samples as it stands in a remark.
pub(crate) fn middle(samples: &[f64]) -> String {
    Spread::of(samples).map_or_else(|| "–".to_owned(), |spread| number(spread.median))
}

/// Three digits that matter, and no more decimals than that.
fn number(value: f64) -> String {
    let decimals = match value.abs() {
        magnitude if magnitude >= 100.0 => 0,
        magnitude if magnitude >= 10.0 => 1,
        magnitude if magnitude >= 1.0 => 2,
        _ => 3,
    };
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(samples: &[f64], target: Target, full_size: bool) -> &'static str {
        let row =
            Row { what: String::new(), samples: samples.to_vec(), unit: "", target, beside: String::new() };
        Report::new(String::new(), full_size).verdict(&row)
    }

    #[test]
    fn the_median_decides_and_not_the_best_round() {
        assert_eq!(verdict(&[0.5, 0.59, 0.9], Target::AtLeast(0.6), true), "**missed**");
        assert_eq!(verdict(&[1.0, 1.2, 9.0], Target::AtMost(1.3), true), "met");
        assert_eq!(verdict(&[2.5], Target::Under(2.5), true), "**missed**");
    }

    #[test]
    fn a_row_without_an_undisturbed_round_is_void_and_a_short_run_is_not_judged() {
        assert_eq!(verdict(&[], Target::AtMost(1.0), true), "void");
        assert_eq!(verdict(&[0.1], Target::AtMost(1.0), false), "not judged: short run");
    }

    #[test]
    fn the_median_of_an_even_count_lies_between_the_middle_two() {
        assert_eq!(Spread::of(&[4.0, 1.0, 2.0, 3.0]).expect("there are samples").median, 2.5);
    }
}
