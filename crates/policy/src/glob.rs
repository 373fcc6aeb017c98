//! Patterns with `*` (any text, none too) and `?` (any one character), matched in one pass over the text.
//!
//! Patterns come from outside, so the usual way, to try again from the last star, will not do: it takes as many steps
//! as the pattern and the text have characters, multiplied. Here a pattern is parted at its stars when it is read.
//! What stands before the first and after the last is compared in place; each piece between two stars is looked for by
//! itself, leftmost first, and the search for the next goes on where it ended. A piece is found with Shift-And
//! (Baeza-Yates and Gonnet, "A new approach to text searching", 1992): bit `i` of a state says that the last `i + 1`
//! characters match the piece's first `i + 1`, so one shift and one mask try 64 places at once, and `?` is a bit that
//! is always set. No character is looked at twice.

/// A pattern, ready to be matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Glob {
    /// What stands before the first star; all of a pattern without one.
    start: Box<str>,
    after_star: Option<AfterStar>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct AfterStar {
    /// What stands between two stars.
    pieces: Box<[Piece]>,
    /// What stands behind the last.
    end: Box<str>,
}

impl Glob {
    pub(crate) fn new(pattern: &str) -> Self {
        let mut parts = pattern.split('*');
        let start = parts.next().unwrap_or_default().into();
        let after_star = parts.next_back().map(|end| AfterStar {
            pieces: parts.filter(|piece| !piece.is_empty()).map(Piece::new).collect(),
            end: end.into(),
        });
        Self { start, after_star }
    }

    /// Whether all of `text` is such a text.
    pub(crate) fn matches(&self, text: &str) -> bool {
        self.matches_counting(text, &mut |_| ())
    }

    /// The same; `count` is told of the steps as they are made. A comparison is one, a shift is one.
    fn matches_counting(&self, text: &str, count: &mut impl FnMut(usize)) -> bool {
        let Some(AfterStar { pieces, end }) = &self.after_star else {
            count(self.start.len());
            return strip_from_start(&self.start, text) == Some("");
        };
        // The end first: ARNs begin alike.
        count(end.len());
        let Some(text) = strip_from_end(end, text) else { return false };
        count(self.start.len());
        let Some(text) = strip_from_start(&self.start, text) else { return false };
        let mut text = text.chars();
        pieces.iter().all(|piece| piece.skip_past(&mut text, count))
    }
}

fn strip_from_start<'t>(pattern: &str, text: &'t str) -> Option<&'t str> {
    let mut rest = text.chars();
    pattern
        .chars()
        .all(|wanted| rest.next().is_some_and(|given| is_one(wanted, given)))
        .then_some(rest.as_str())
}

fn strip_from_end<'t>(pattern: &str, text: &'t str) -> Option<&'t str> {
    let mut rest = text.chars();
    pattern
        .chars()
        .rev()
        .all(|wanted| rest.next_back().is_some_and(|given| is_one(wanted, given)))
        .then_some(rest.as_str())
}

fn is_one(wanted: char, given: char) -> bool {
    wanted == '?' || wanted == given
}

/// A part of a pattern that may stand anywhere. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Piece {
    first: char,
    blocks: Box<[Block]>,
    /// The bit of the last block that says that all has been seen.
    last: u64,
}

/// Up to 64 characters of a piece.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Block {
    /// Where `?` stands.
    any: u64,
    /// Where each other character stands, in the order of characters. A table of ASCII would be a kilobyte, and a
    /// pattern can have thousands of blocks.
    letters: Box<[(char, u64)]>,
}

impl Piece {
    const BLOCK: usize = u64::BITS as usize;

    fn new(piece: &str) -> Self {
        let piece: Vec<char> = piece.chars().collect();
        let last = 1 << ((piece.len() - 1) % Self::BLOCK);
        Self { first: piece[0], blocks: piece.chunks(Self::BLOCK).map(Block::new).collect(), last }
    }

    /// Takes characters until the piece has been seen; false when they end before.
    fn skip_past(&self, text: &mut impl Iterator<Item = char>, count: &mut impl FnMut(usize)) -> bool {
        // Only a piece of more than 64 characters needs memory that grows.
        let (mut short, mut long) = ([0], Vec::new());
        let state = if self.blocks.len() == 1 {
            short.as_mut_slice()
        } else {
            long.resize(self.blocks.len(), 0);
            long.as_mut_slice()
        };
        let mut is_fresh = true;
        text.any(|given| {
            count(self.blocks.len());
            // Most characters begin nothing.
            if is_fresh && !is_one(self.first, given) {
                return false;
            }
            let (mut begun, mut newest, mut all) = (1, 0, 0);
            for (seen, block) in state.iter_mut().zip(&self.blocks) {
                newest = ((*seen << 1) | begun) & block.places_of(given);
                begun = *seen >> (Self::BLOCK - 1);
                *seen = newest;
                all |= newest;
            }
            is_fresh = all == 0;
            newest & self.last != 0
        })
    }
}

impl Block {
    fn new(piece: &[char]) -> Self {
        let places = |wanted| {
            let here = piece.iter().enumerate().filter(move |(_, letter)| **letter == wanted);
            here.fold(0, |bits, (at, _)| bits | 1 << at)
        };
        let mut letters: Vec<char> = piece.iter().copied().filter(|letter| *letter != '?').collect();
        letters.sort_unstable();
        letters.dedup();
        Self {
            any: places('?'),
            letters: letters.into_iter().map(|letter| (letter, places(letter))).collect(),
        }
    }

    fn places_of(&self, given: char) -> u64 {
        let found = self.letters.binary_search_by_key(&given, |(letter, _)| *letter);
        self.any | found.map_or(0, |at| self.letters[at].1)
    }
}

#[cfg(test)]
mod tests;
