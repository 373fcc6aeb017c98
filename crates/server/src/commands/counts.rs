//! What became of the parts of an account, counted and told.

use super::progress::Progress;
use gatepost_application::transfer::{Fate, Linked, Told};
use std::process::ExitCode;

/// Of all parts.
#[derive(Default)]
pub(super) struct Counts {
    keys: Tally,
    plans: Tally,
    links: Tally,
    days: u64,
    days_left_out: u64,
}

/// Of one kind.
#[derive(Default)]
struct Tally {
    restored: u64,
    present: u64,
    refused: u64,
}

impl Counts {
    /// Counts one, and says why if it was refused.
    pub(super) fn note(&mut self, told: &Told, progress: &Progress) {
        match told {
            Told::Plan(id, fate) => {
                if let Some(why) = self.plans.note(fate) {
                    progress.tell(&format!("usage plan {id}: {why}"));
                }
            }
            Told::Key(number, fate) => {
                progress.add(1);
                if let Some(why) = self.keys.note(fate) {
                    progress.tell(&format!("key {number}: {why}"));
                }
            }
            Told::Link(link, linked) => match linked {
                Linked::Now => self.links.restored += 1,
                Linked::Before => self.links.present += 1,
                Linked::Other | Linked::Refused(_) | Linked::Elsewhere(_) => {
                    self.links.refused += 1;
                    let key = link.key.as_str();
                    progress.tell(&format!("key {key:.4}... is not in usage plan {}: {linked}", link.plan));
                }
            },
            Told::Usage(days) => self.days += days,
            Told::UsageLeftOut(days) => self.days_left_out += days,
        }
    }

    /// Whether anything was stored.
    pub(super) fn changed(&self) -> bool {
        self.keys.restored + self.plans.restored + self.links.restored + self.days > 0
    }

    /// Failure where anything was refused.
    pub(super) fn exit_code(&self) -> ExitCode {
        let refused = self.keys.refused + self.plans.refused + self.links.refused;
        if refused > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }

    /// Says what was done: a line for keys, and one for each other kind that there was any of.
    #[expect(clippy::print_stdout, reason = "what was done is what the command answers")]
    pub(super) fn tell(&self, into: &str, dry: bool, lost: &str, progress: &Progress) {
        let rate = progress.rate(self.keys.all());
        println!("{} keys for {into}: {} ({rate} rows/s){lost}", self.keys.all(), self.keys.text(dry));
        if self.plans.all() > 0 {
            println!("{} usage plans: {}", self.plans.all(), self.plans.text(dry));
        }
        if self.links.all() > 0 {
            println!("{} times a key in a usage plan: {}", self.links.all(), self.links.text(dry));
        }
        if self.days > 0 {
            let would = if dry { "would be imported" } else { "imported" };
            println!("{} days of usage {would}, but for those of which something is kept here", self.days);
        }
        if self.days_left_out > 0 {
            println!("{} days of usage left out: {}", self.days_left_out, self.why_left_out(lost));
        }
    }

    fn why_left_out(&self, lost: &str) -> &'static str {
        if lost.is_empty() { "their key or usage plan was refused" } else { "the API cannot carry them" }
    }
}

impl Tally {
    /// Counts one; why it was refused, if it was.
    fn note<'f>(&mut self, fate: &'f Fate) -> Option<&'f gatepost_application::transfer::Refusal> {
        match fate {
            Fate::Restored => self.restored += 1,
            Fate::Present => self.present += 1,
            Fate::Refused(why) => {
                self.refused += 1;
                return Some(why);
            }
        }
        None
    }

    fn all(&self) -> u64 {
        self.restored + self.present + self.refused
    }

    fn text(&self, dry: bool) -> String {
        let Self { restored, present, refused } = self;
        let would = if dry { "would be " } else { "" };
        format!("{restored} {would}imported, {present} there already, {refused} refused")
    }
}
