//! What every page of a listing has.

use super::LinksWriter;

/// A page and its place in its listing.
pub struct ListingPage<T> {
    /// The items.
    pub items: Vec<T>,
    /// The position of the next page.
    pub next: Option<String>,
    /// The query that a link to another page repeats: everything but the position, percent-encoded.
    pub query: String,
    /// Whether this page was asked for by position, so that there is a first one elsewhere.
    pub is_later_page: bool,
}

impl<T> ListingPage<T> {
    /// The links to other pages of the listing at a path.
    pub(super) fn links(&self, links: &mut LinksWriter<'_>, path: &str) {
        if self.is_later_page {
            links.to("first", &format!("{path}?{}", self.query));
        }
        if let Some(position) = &self.next {
            links.to("next", &format!("{path}?{}&position={position}", self.query));
        }
    }
}
