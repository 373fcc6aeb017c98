//! Text that must not be seen.

use zeroize::Zeroizing;

/// A secret's text: overwritten when dropped, and neither `Debug` nor `Display`, so that it cannot be printed by chance.
#[derive(Clone)]
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    pub(crate) fn new(text: Zeroizing<String>) -> Self {
        SecretText(text)
    }

    /// The secret itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}
