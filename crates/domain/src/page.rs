//! Pages of a listing, by key rather than by count, so that page 20,000 costs what page 1 does.

/// How many items a page may hold: 1 to 500.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageLimit(u16);

impl PageLimit {
    /// What a caller gets who does not say.
    pub const DEFAULT: PageLimit = PageLimit(25);
    /// The largest page.
    pub const MAX: PageLimit = PageLimit(500);

    /// The asked number, or the default where it is out of range: AWS answers `limit=-1` as if it were absent.
    #[must_use]
    pub fn or_default(asked: i64) -> Self {
        match u16::try_from(asked) {
            Ok(limit) if (1..=Self::MAX.0).contains(&limit) => Self(limit),
            Ok(_) | Err(_) => Self::DEFAULT,
        }
    }

    /// The number of items.
    #[must_use]
    pub fn get(self) -> usize {
        usize::from(self.0)
    }
}

/// One page asked for: the items after a position, or from the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest<P> {
    /// The position that the page before ended at.
    pub after: Option<P>,
    /// At most this many items.
    pub limit: PageLimit,
}

/// One page of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T, P> {
    /// The items, in the listing's order.
    pub items: Vec<T>,
    /// The position that this page ended at, to be asked for as `after`; `None` when this is the last. A filtered page may hold fewer items than asked
    /// for, even none, and still have a next one.
    pub next: Option<P>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_out_of_range_means_the_default() {
        for asked in [-1, 0, 501, i64::MIN, i64::MAX] {
            assert_eq!(PageLimit::or_default(asked), PageLimit::DEFAULT);
        }
        assert_eq!(PageLimit::or_default(1).get(), 1);
        assert_eq!(PageLimit::or_default(500), PageLimit::MAX);
    }
}
